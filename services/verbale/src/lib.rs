//! verbale: the only binary. It owns the command line, the list of roles and their wiring.
