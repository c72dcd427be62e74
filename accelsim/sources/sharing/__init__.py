"""A network whose weights can be replaced and whose task can be scored; what exploring weight sharing needs of torch."""
