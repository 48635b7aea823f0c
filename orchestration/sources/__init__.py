"""Where raw data comes from: the simulated company, files, and vendor APIs. No Dagster here."""
