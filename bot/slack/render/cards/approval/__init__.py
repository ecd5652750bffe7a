"""The plan, the request to approve it, and what approvers read."""
