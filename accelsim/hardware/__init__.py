"""Parts a machine is made of: clock, memories and energy tables, every number with its source."""
