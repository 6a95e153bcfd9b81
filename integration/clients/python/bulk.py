#!/usr/bin/env python3
"""Plans a bulk renewal over NATS, prints the plan in numbers, and commits it when told to.

    bulk.py --server nats://127.0.0.1:4222 --user ws-default --password-file FILE --spec '{"filter": {"tags": ["edge"]}}' --commit

One line of JSON for each answer (shared/protocol/schema has them). With --commit it waits for the end of every run. Exit
status: 0 all went well, 1 the plan failed or not every run succeeded, 2 a request was refused, 3 it could not be made.

It needs what renew.py beside it needs.
"""

import argparse
import asyncio
import json
import sys
import uuid

from nats.errors import Error as NatsError

from renew import ask, connect

# Between two looks at a job; the planner answers each from its record.
PAUSE = 0.5


class Refused(Exception):
    pass


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password-file", required=True)
    parser.add_argument("--workspace", default="default")
    parser.add_argument("--spec", required=True, help="JSON: filter, strategy, budget_micro_usd, ...")
    parser.add_argument("--key", help="the same key plans once, however often it is sent")
    parser.add_argument("--commit", action="store_true", help="create the runs and wait for their end")
    parser.add_argument("--timeout", type=float, default=30, help="seconds for each answer")
    parser.add_argument("--patience", type=float, default=3600, help="seconds for the plan, and for the runs")
    return parser.parse_args()


class Desk:
    """Asks, prints what is answered, and stops at the first refusal."""

    def __init__(self, client, args, denied):
        self.client, self.args, self.denied = client, args, denied

    async def say(self, verb, **body):
        body = {"schema": 1, "requested_by": f"bulk.py as {self.args.user}", **body}
        answer = await ask(self.client, self.args, self.denied, verb, json.dumps(body).encode())
        if answer["answer"] == "rejected":
            print(json.dumps({"answer": answer}), flush=True)
            raise Refused
        return answer

    async def stands(self, job, states):
        """How the job stands once it is in one of the states."""
        while True:
            answer = await self.say("job-show", job_id=job)
            if answer["state"] in states:
                print(json.dumps({"answer": answer}), flush=True)
                return answer
            await asyncio.sleep(PAUSE)


async def renew(desk, args):
    planned = await desk.say("bulk-plan", spec=json.loads(args.spec), idempotency_key=args.key or str(uuid.uuid4()))
    print(json.dumps({"answer": planned}), flush=True)
    job = planned["job_id"]
    plan = await asyncio.wait_for(desk.stands(job, {"planned", "failed"}), args.patience)
    if plan["state"] == "failed" or not args.commit:
        return plan["state"] == "planned"
    await desk.say("bulk-commit", job_id=job)
    end = await asyncio.wait_for(desk.stands(job, {"ended", "cancelled"}), args.patience)
    return end["progress"]["succeeded"] == plan["totals"]["included"]


async def main():
    args = arguments()
    denied = asyncio.get_running_loop().create_future()
    client = await connect(args, denied)
    try:
        return 0 if await renew(Desk(client, args, denied), args) else 1
    except Refused:
        return 2
    finally:
        await client.close()


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except (NatsError, OSError, RuntimeError, ValueError, asyncio.TimeoutError) as error:
        print(json.dumps({"error": str(error) or type(error).__name__}), flush=True)
        sys.exit(3)
