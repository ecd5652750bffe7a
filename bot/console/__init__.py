"""The commands of `countersign` that need no Slack, one file each; `register` puts them on the program."""
