"""How an app of a kind is operated: named steps with their commands, as data. A new recipe is a new YAML file."""
