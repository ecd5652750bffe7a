"""Tools that people would pick instead: they run in an environment of their own, which is made when it is asked for."""
