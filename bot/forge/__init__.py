"""The forge: what continuous integration says about a commit, at GitHub and GitLab."""
