"""`.env` and the operations file → frozen, validated objects; every problem at once, each with its place."""
