"""What stays until Ctrl-C: `serve`, `demo`."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import note, progress, say
from api.cli.session import Session, opened, settings
from api.cli.viewing import catch_up, running

if TYPE_CHECKING:
    from api.compose import House
    from api.demo import Demo
    from api.settings import Settings


def add_to(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(demo)


def serve() -> None:
    """Serve the API at ITSM_LEDGER_HOST and ITSM_LEDGER_PORT, keep read models and checkpoints, until Ctrl-C."""
    chosen = settings()
    require_free_port(chosen)
    # Whoever starts the server needs no token for it: each request brings its own.
    with opened(chosen.model_copy(update={"token": None})) as session:
        note(f"itsm-ledger serves http://{chosen.host}:{chosen.port}; Ctrl-C ends.")
        _serve(session.house)


def demo(
    directory: Annotated[
        Path,
        typer.Argument(help="Made anew if it is a former demo's; nothing else is overwritten."),
    ] = Path("demo"),
    *,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End once it is built.")] = False,
    seed: Annotated[int, typer.Option(help="Another seed, another quarter.")] = 1,
    days: Annotated[int, typer.Option(min=7, max=366, help="How long it lived.")] = 91,
) -> None:
    """Build a ledger of a simulated quarter, serve it, and say what to try."""
    from api.demo import RECEIVED, build, demo_settings, receiver_port
    from api.demo_receiver import receiving

    chosen = demo_settings(directory, settings())
    if not no_serve:
        require_free_port(chosen)
        require_free_port(chosen.model_copy(update={"port": receiver_port(chosen)}))
    with progress("Living through a quarter") as bar:
        made = build(directory, chosen, seed=seed, span=timedelta(days=days), progress=bar)
    with opened(chosen) as session:
        _catch_up(session)
        resolved = session.ledger.entry(made.quarter.cases["self-closure"].position or 1)
        resolver = str(resolved.data["resolved_by"])
        say(guide(made, chosen, command=_command(), resolver=resolver))
        if not no_serve:
            note("\nServing. Ctrl-C ends; the ledger stays.")
            with receiving(made.receiver_port, made.receiver.secret, directory / RECEIVED):
                _serve(session.house)


def require_free_port(chosen: Settings) -> None:
    """Before anything is built or opened. Raises NotReady."""
    from api.errors import NotReady

    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((chosen.host, chosen.port))
        except OSError as error:
            raise NotReady(
                f"{chosen.host}:{chosen.port} cannot be listened on ({error.strerror}); "
                "set ITSM_LEDGER_PORT to another port, or ITSM_LEDGER_HOST",
                host=chosen.host,
                port=chosen.port,
            ) from None


def guide(made: Demo, chosen: Settings, *, command: str, resolver: str) -> str:
    """Where to look, and things to try, each a line that works as it stands.

    `command`: how this program is called. `resolver`: who resolved the ticket of the first case.
    """
    where = f"http://{chosen.host}:{chosen.port}"
    cases = made.quarter.cases
    found = sorted(cases.values(), key=lambda case: _place(case.subject))
    told = "\n".join(f"  {case.subject:<22}{case.what}" for case in found)
    mail, line = cases["self-closure"], cases["corrected"]
    copy = made.directory.with_name(made.directory.name + "-tampered")
    # The last digit of a number, and so one byte.
    forged = resolver[:-1] + str((int(resolver[-1]) + 1) % 10)
    return f"""\
{made.quarter.entries} entries of a company's quarter are in {made.directory}/ledger.db, signed by
{made.made.vkey}

What tells something
{told}

Where to look
  {where}/docs   every address of the API, to try out with one of the tokens below

Things to try, in another terminal, from here, as whoever you like
{_people(made)}
  export ITSM_LEDGER_DATABASE_URL={chosen.database_url}

1. Who had resolved {mail.subject}, as of then? And when was the line of {line.subject} back,
   by what was said at first, and by what is known since?
  curl -s -H "Authorization: Bearer $AUDITOR" '{where}/v1/{_address(mail.subject)}?at={mail.moment}'
  {command} show {line.subject} --at {line.moment} --basis known
  {command} show {line.subject} --at {line.moment}

2. Change one byte in a copy, behind the ledger's back: somebody else has resolved it now. Who notices?
  rm -rf {copy} && cp -r {made.directory} {copy}
  python3 -c '{_forgery(f"{copy}/ledger.db", mail.position, resolver, forged)}'
  ITSM_LEDGER_DATABASE_URL=sqlite:///{copy}/ledger.db {command} verify

3. Prove that the entry is in the log, and check the proof without a line of the ledger's code.
  {command} events --after {(mail.position or 1) - 1} | head -1 > {made.directory}/entry
  {command} prove {mail.position} -o {made.directory}/proof
  python3 docs/check_proof.py "$({command} vkey)" {made.directory}/entry {made.directory}/proof

{_authority(made, command)}

{_findings(made, where, command)}

{_estate(made, command)}"""


def _people(made: Demo) -> str:
    from api.demo import PEOPLE

    waiting = made.quarter.cases["waiting"].subject
    return "\n".join(
        f"  export {word}={made.tokens[word]}   # {name}, {what.format(waiting=waiting)}"
        for word, (name, what) in PEOPLE.items()
    )


def _authority(made: Demo, command: str) -> str:
    """Who may, who might, and on whose word."""
    cases = made.quarter.cases
    waiting, stricter, standing_in = (
        cases[name] for name in ("waiting", "stricter-policy", "delegated")
    )
    number = waiting.subject.split("/")[1]
    approve = f"{command} order change grant-approval {number}"
    said = f'--data \'{{"content_hash":"{made.waiting_hash}","no_interest":true}}\''
    until = f" --to {stricter.position}" if stricter.position else ""
    return f"""\
4. {waiting.subject} waits for its approvals. Who may give one? Its requester may not, nor who implements.
  ITSM_LEDGER_TOKEN=$REQUESTER {approve} {said}
  ITSM_LEDGER_TOKEN=$IMPLEMENTER {approve} {said}
  ITSM_LEDGER_TOKEN=$AUTHORITY {approve} {said}

5. Who approved {standing_in.subject}, on whose behalf, by which grant and which rules?
  ITSM_LEDGER_TOKEN=$AUDITOR {command} history {standing_in.subject}

6. What does the stricter policy say otherwise, and what would it have refused before it was published?
  {command} policy diff policy/POL0000001 {stricter.subject}
  {command} check --policy {stricter.subject}{until}"""


def _findings(made: Demo, where: str, command: str) -> str:
    """What is broken, and who hears of it."""
    from api.demo import RECEIVED

    run = {
        "id": "RUN-TRIED-OUT",
        "outcome": "deployed",
        "service": "mail",
        "environment": "production",
        "finished_at": made.until,
    }
    told = made.directory / RECEIVED
    return f"""\
7. Which rules were broken, and what became of it? Then deploy what no change asked for: a webhook tells of it
   within a second, and of everything before, to a receiver of this demo's own that writes it to {told}.
  ITSM_LEDGER_TOKEN=$AUDITOR {command} findings
  curl -s -H "Authorization: Bearer $PIPELINE" -H 'Content-Type: application/json' -d '{json.dumps(run)}' {where}/v1/deployments/webhook
  sleep 1; tail -n 1 {told}"""


def _estate(made: Demo, command: str) -> str:
    """Everything at once, at a moment, and an answer that proves itself."""
    ticket = made.quarter.cases["self-closure"]
    archive = made.directory / "archive"
    asked = f"ITSM_LEDGER_ARCHIVE={archive} {command}"
    answer = made.directory / "answer.json"
    return f"""\
8. What was the whole estate when {ticket.subject} had been resolved, and who has another role since? An archive
   makes it fast. Then an answer with all that proves it, checked without a line of the ledger's code.
  ITSM_LEDGER_TOKEN=$AUDITOR {command} archive -o {archive}
  {asked} state --at {ticket.moment} --family incident
  {asked} diff --from {ticket.moment} --family grant
  {command} show {ticket.subject} --at {ticket.moment} --proof {answer}
  python3 docs/check_answer.py {answer} "$({command} vkey)\""""


def _place(subject: str) -> tuple[int, str]:
    """Tickets and changes before what gives authority, as the families stand; then by number."""
    from domain.families import FAMILIES, split_subject

    return list(FAMILIES).index(split_subject(subject)[0].name), subject


def _address(subject: str) -> str:
    """`incident/INC0010001` → `incidents/INC0010001`."""
    from domain.families import split_subject

    family, number = split_subject(subject)
    return f"{family.plural}/{number}"


def _forgery(database: str, position: int | None, old: str, new: str) -> str:
    """What anybody with the file can do, whatever the triggers say."""
    change = "UPDATE events SET entry = CAST(replace(entry, ?, ?) AS BLOB) WHERE position = ?"
    return (
        f'import sqlite3; d = sqlite3.connect("{database}"); '
        'd.execute("DROP TRIGGER events_no_update"); '
        f'd.execute("{change}", ("{old}", "{new}", {position})); d.commit()'
    )


def _serve(house: House) -> None:
    from api.http.serve import serve as serve_house

    try:
        serve_house(house)
    except KeyboardInterrupt:
        return  # That is how it is ended, and what was being served has been answered.


def _catch_up(session: Session) -> None:
    """So that the first answers of the read models are whole."""
    with running(session) as runner:
        catch_up(runner)


def _command() -> str:
    """How this program is called here, so that printed lines can be pasted."""
    found = shutil.which("itsm-ledger")
    if found is not None and Path(found).samefile(sys.argv[0]):
        return "itsm-ledger"
    return sys.argv[0]
