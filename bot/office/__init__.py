"""What the office does, a folder per subject: model (rules), records (tables), service (acts). It knows no dialogue."""
