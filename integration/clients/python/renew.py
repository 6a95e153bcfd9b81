#!/usr/bin/env python3
"""Asks Vigilo to renew hosts over NATS, prints the answer, and follows the run to its end.

    renew.py --server nats://127.0.0.1:4222 --user ws-default --password-file FILE www.example.org

One line of JSON for the answer, one for each run event (shared/protocol/schema has both). Exit status: 0 every run
succeeded, 1 one did not, 2 the request was refused, 3 it could not be made.

It needs nats-py (https://github.com/nats-io/nats.py), and on NATS the rights of a workspace's user only.
"""

import argparse
import asyncio
import json
import sys
import uuid

import nats
from nats.errors import Error as NatsError, TimeoutError as NatsTimeout

ENDINGS = {"succeeded", "failed", "needs_manual", "cancelled"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hostnames", nargs="*")
    parser.add_argument("--server", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password-file", required=True)
    parser.add_argument("--workspace", default="default")
    parser.add_argument("--key", help="the same key asks once, however often it is sent")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--raw", help="send this text in place of a request")
    parser.add_argument("--consumer", type=int, default=1, help="which of the workspace's consumers of events, 1 to 4")
    parser.add_argument("--timeout", type=float, default=30, help="seconds for each answer")
    parser.add_argument("--patience", type=float, default=3600, help="seconds for the run")
    return parser.parse_args()


def request(args):
    if args.raw is not None:
        return args.raw.encode()
    body = {
        "schema": 1,
        "hostnames": args.hostnames,
        "idempotency_key": args.key or str(uuid.uuid4()),
        "requested_by": f"renew.py as {args.user}",
    }
    if args.dry_run:
        body["mode"] = "dry_run"
    return json.dumps(body).encode()


async def connect(args, denied):
    """Errors of rights come on their own way: they are remembered, and the request that meets one is given up."""
    with open(args.password_file, encoding="utf-8") as file:
        password = file.read().strip()

    async def remember(error):
        if "permissions violation" in str(error).lower():
            denied.set_result(str(error)) if not denied.done() else None

    return await nats.connect(
        args.server,
        user=args.user,
        password=password,
        # Each user hears answers in a box of its own.
        inbox_prefix=f"_INBOX.{args.user}".encode(),
        error_cb=remember,
        max_reconnect_attempts=5,
    )


async def first_of(wanted, denied, seconds):
    wanted = asyncio.ensure_future(wanted)
    done, _ = await asyncio.wait({wanted, denied}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if wanted in done:
        return wanted.result()
    wanted.cancel()
    raise PermissionError(denied.result()) if denied in done else TimeoutError("no answer in time")


async def ask(client, args, denied, verb, body):
    """The stream's word that it has the request comes to the reply subject; the planner's answer, after its commit, to
    the inbox that the header names."""
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox, max_msgs=1)
    kept = await first_of(
        client.request(
            f"vigilo.request.{args.workspace}.{verb}",
            body,
            timeout=args.timeout,
            headers={"vigilo-reply-to": inbox},
        ),
        denied,
        args.timeout,
    )
    word = json.loads(kept.data)
    if "error" in word:
        raise RuntimeError(f"the stream did not take it: {word['error']}")
    answer = await first_of(answers.next_msg(timeout=args.timeout), denied, args.timeout)
    return json.loads(answer.data)


async def reader(client, args, denied):
    """A consumer of the workspace's own for run events: the planner opens it, begun with the first event that is kept. We
    may pull from it and acknowledge, under the API prefix that our account knows."""
    wish = {
        "schema": 1,
        "consumer": args.consumer,
        "since": "1970-01-01T00:00:00Z",
        "requested_by": f"renew.py as {args.user}",
    }
    answer = await ask(client, args, denied, "events", json.dumps(wish).encode())
    if answer["answer"] != "events":
        raise RuntimeError(f"no consumer was opened: {answer}")
    jetstream = client.jetstream(prefix="vigilo.js")
    return await jetstream.pull_subscribe_bind(durable=answer["consumer"], stream="RUNS")


async def follow(client, args, denied, runs):
    """Prints the events of these runs until each has ended; gives how they did."""
    events = await reader(client, args, denied)
    until, ended = asyncio.get_running_loop().time() + args.patience, {}
    while len(ended) < len(runs):
        try:
            messages = await events.fetch(100, timeout=5)
        except NatsTimeout:
            if asyncio.get_running_loop().time() > until:
                raise
            continue
        for message in messages:
            await message.ack()
            event = json.loads(message.data)
            if event["run_id"] in runs:
                print(json.dumps({"event": event}), flush=True)
                if event["status"] in ENDINGS:
                    ended[event["run_id"]] = event["status"]
    return ended.values()


async def main():
    args = arguments()
    denied = asyncio.get_running_loop().create_future()
    client = await connect(args, denied)
    try:
        answer = await ask(client, args, denied, "renew", request(args))
        print(json.dumps({"answer": answer}), flush=True)
        if answer["answer"] != "renewal" or not answer["accepted"]:
            return 2
        runs = {one["run_id"] for one in answer["accepted"]}
        ended = await follow(client, args, denied, runs)
        return 0 if not answer["refused"] and all(status == "succeeded" for status in ended) else 1
    finally:
        await client.close()


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except (NatsError, OSError, RuntimeError, asyncio.TimeoutError) as error:
        print(json.dumps({"error": str(error) or type(error).__name__}), flush=True)
        sys.exit(3)
