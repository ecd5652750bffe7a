"""Who may do what, and when: policies, people, freezes and locks."""
