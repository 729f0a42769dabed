"""The report page: measuring what it shows, and rendering it."""
