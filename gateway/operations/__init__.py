"""What an operator may do, said once: the admin API and the command line both call these."""
