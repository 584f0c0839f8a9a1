"""A real mail server (aiosmtpd) on a free port of this machine, for tests.

It is steered by lines of JSON: an order on standard input, its answer on standard output; the first line out says
where it is. What it accepts it keeps, decoded. The end of standard input ends it.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# Far more than a mail of ours has.
MAIL_BYTES_MAX = 4 * 1024 * 1024
# Orders and certificates on one line.
LINE_BYTES_MAX = 1024 * 1024


def part(message, kind):
    body = message.get_body((kind,))
    return None if body is None else body.get_content()


def decoded(server, session, envelope):
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    return {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "headers": [[name, str(value)] for name, value in message.items()],
        "text": part(message, "plain"),
        "html": part(message, "html"),
        "tls": server.transport.get_extra_info("ssl_object") is not None,
        "login": session.auth_data.login.decode() if session.authenticated else None,
        "hello": session.host_name,
        "raw": envelope.content.decode("utf-8", "replace"),
    }


class Box:
    """What arrived, and how the next mail is to be answered."""

    def __init__(self):
        self.mails = []
        self.attempts = 0
        self.refused = 0
        self.refuse_next = {"count": 0, "reply": ""}
        self.refuse_to = {}
        self.lose_answers = 0
        self.hanging = False

    async def handle_MAIL(self, server, session, envelope, address, options):
        self.attempts += 1
        if self.hanging:
            await asyncio.Event().wait()
        if self.refuse_next["count"] > 0:
            self.refuse_next["count"] -= 1
            self.refused += 1
            return self.refuse_next["reply"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = self.refuse_to.get(address)
        if reply is not None:
            self.refused += 1
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(decoded(server, session, envelope))
        if self.lose_answers > 0:
            self.lose_answers -= 1
            server.transport.abort()
        return "250 OK"

    def order(self, order):
        match order["do"]:
            case "mails":
                return {"mails": self.mails[order["after"] :]}
            case "counts":
                return {"attempts": self.attempts, "refused": self.refused}
            case "refuse_next":
                self.refuse_next = {"count": order["count"], "reply": order["reply"]}
            case "refuse_to":
                self.refuse_to[order["address"]] = order["reply"]
            case "lose_answers":
                self.lose_answers = order["count"]
            case "hang":
                self.hanging = True
            case "accept":
                self.refuse_next["count"] = self.lose_answers = 0
                self.hanging = False
                self.refuse_to.clear()
            case other:
                raise ValueError(f"there is no order {other}")
        return {}


def certificate(setup):
    if setup["tls"] == "none":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(setup["certificate"], setup["key"])
    return context


def authenticator(setup):
    def check(server, session, envelope, mechanism, data):
        known = isinstance(data, LoginPassword) and (
            data.login.decode(),
            data.password.decode(),
        ) == (setup["user"], setup["password"])
        # Not handled: the server itself says 535.
        return AuthResult(success=known, handled=False, auth_data=data if known else None)

    return check


async def main():
    setup = json.loads(sys.argv[1])
    box, context = Box(), certificate(setup)
    implicit = setup["tls"] == "implicit"

    def protocol():
        return SMTP(
            box,
            hostname="mail.example.com",
            data_size_limit=MAIL_BYTES_MAX,
            enable_SMTPUTF8=True,
            tls_context=context if setup["tls"] == "starttls" else None,
            require_starttls=setup["tls"] == "starttls",
            authenticator=authenticator(setup) if setup["user"] else None,
            auth_required=bool(setup["user"]),
            auth_require_tls=setup["tls"] == "starttls",
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if implicit else None)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"ok": {"port": port}}), flush=True)
    orders = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        try:
            said = {"ok": box.order(json.loads(line))}
        except Exception as error:  # the test is told and says it
            said = {"error": repr(error)}
        print(json.dumps(said), flush=True)


asyncio.run(main())
