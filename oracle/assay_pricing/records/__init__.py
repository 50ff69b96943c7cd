"""Files of records to arrays, with bounds on what a file may expand to."""
