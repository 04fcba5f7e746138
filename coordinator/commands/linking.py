"""`links` and `media-keys`: what the sites and other LiveKit programs are given."""

from __future__ import annotations

import argparse
import json
from typing import Any

from coordinator.catalogue import Catalogue
from coordinator.commands import shared
from coordinator.commands.serving import add_listening
from coordinator.storage import Reader, keys
from coordinator.storage.links import LinkReader


def add(subcommands: Any, common: argparse.ArgumentParser, catalogue: Catalogue) -> None:
    """Adds the parsers."""
    told = catalogue.text
    sentence = told("print every site's own link; who has the link is the site")
    links = subcommands.add_parser("links", parents=[common], help=sentence, description=sentence)
    links.add_argument("--json", action="store_true", help=told("as a JSON list of {code, name, url}"))
    links.add_argument(
        "--rotate", metavar="CODE", help=told("void this site's link first, and print its new one alone")
    )
    add_listening(links, catalogue)
    links.set_defaults(run=print_links)
    sentence = told("print the media server's address and keys as JSON {url, api_key, api_secret}")
    media = subcommands.add_parser("media-keys", parents=[common], help=sentence, description=sentence)
    add_listening(media, catalogue)
    media.set_defaults(run=print_media_keys)


def print_links(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Prints the links, after a rotation the new one alone."""
    settings = shared.read_config(args)
    sites = settings.sites
    if args.rotate is not None:
        shared.administer(args, settings, do="rotate_link", code=args.rotate)
        sites = tuple(site for site in sites if site.code == args.rotate)
    reader = Reader(args.data)
    try:
        links = LinkReader(reader, keys.link_key(args.data), shared.public_url(args, settings))
        rows = [{"code": site.code, "name": site.name, "url": links.url_for(site.code)} for site in sites]
    finally:
        reader.close()
    if args.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for row in rows:
        print(f"{row['code']:<16} {row['name']:<28} {row['url']}")
    return 0


def print_media_keys(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Prints the keys of the outside LiveKit where there is one, else of the built-in relay."""
    outside = shared.outside_livekit()
    if outside is not None:
        found = {"url": outside.url, "api_key": outside.api_key, "api_secret": outside.api_secret}
    else:
        url = shared.public_url(args, shared.read_config(args))
        made = keys.media_keys(args.data)
        found = {"url": "ws" + url[4:], "api_key": made.api_key, "api_secret": made.api_secret}
    print(json.dumps(found, indent=2))
    return 0
