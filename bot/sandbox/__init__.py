"""Confined processes and throwaway database servers on a host; knows nothing of migrations and backups."""
