"""Sphinx builds the documentation: `make docs` (every warning an error)."""

import tomllib
from pathlib import Path

_PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]

project = "tflite-operator"
author = "the tflite-operator authors"
copyright = author  # noqa: A001 - Sphinx's name for it
release = _PROJECT["version"]

extensions = ["myst_parser", "sphinx_copybutton"]
myst_enable_extensions = ["colon_fence"]
# Messages and cures name single reasons and fields: docs/reasons.md#outofmemory.
myst_heading_anchors = 4
nitpicky = True

html_theme = "furo"
html_title = f"tflite-operator {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
# What is copied is the command, not its prompt and not what it printed.
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"
copybutton_here_doc_delimiter = "EOF"
