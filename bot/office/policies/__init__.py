"""The office's policy pages: plain answers kept as files, found by a resident's own words."""
