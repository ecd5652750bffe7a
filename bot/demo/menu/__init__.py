"""The demonstration's menu: commits, faults and mistakes."""
