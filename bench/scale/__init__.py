"""How the operator fares with thousands of conversions, on a control plane whose nodes and pods kwok plays."""
