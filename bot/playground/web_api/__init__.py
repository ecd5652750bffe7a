"""The Web API methods, one module a family. Importing this package registers all of them."""

from bot.playground.web_api import auth, blocks, chat, conversations, files, people, reactions, views
from bot.playground.web_api.registry import METHODS, Method, MethodCall

__all__ = [
    "METHODS",
    "Method",
    "MethodCall",
    "auth",
    "blocks",
    "chat",
    "conversations",
    "files",
    "people",
    "reactions",
    "views",
]
