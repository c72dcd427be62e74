"""Slow, obvious DRAM: every command is written down, and its clock is looked for among all commands before it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from accelsim.hardware.dram import DramDevice, Runs


@dataclass(frozen=True)
class Place:
    """Where a command goes; a bank is (channel, rank, bank group, bank)."""

    channel: int
    rank: int = -1
    group: int = -1
    bank: int = -1
    row: int = -1

    def within(self, other: Place, scope: str) -> bool:
        """Tell whether both are in the same channel, rank, group or bank."""
        names = ("channel", "rank", "group", "bank")
        return all(getattr(self, name) == getattr(other, name) for name in names[: names.index(scope) + 1])


@dataclass(frozen=True)
class Command:
    """PRE (one bank), PREA (all of a rank), ACT, RD, WR or REF at a clock."""

    kind: str
    clock: int
    place: Place


@dataclass(frozen=True)
class Rule:
    """`second` comes at least `distance` after each `first` in the same `scope` (of another rank if `elsewhere`)."""

    first: tuple[str, ...]
    second: tuple[str, ...]
    scope: str
    distance: int
    elsewhere: bool = False

    def holds(self, first: Place, second: Place) -> bool:
        """Tell whether the rule is about commands at these places."""
        return first.within(second, self.scope) and not (self.elsewhere and first.rank == second.rank)


def rules(device: DramDevice) -> list[Rule]:
    """Return the distances of JEDEC's timing tables between pairs of commands."""
    t, burst = device.timing_clocks, device.burst_clocks
    written = t.t_cwl + burst
    column = ("RD", "WR")
    found = [
        Rule(("RD",), ("RD",), "rank", t.t_ccd_s),
        Rule(("RD",), ("RD",), "group", t.t_ccd_l),
        Rule(("WR",), ("WR",), "rank", t.t_ccd_s),
        Rule(("WR",), ("WR",), "group", t.t_ccd_l),
        Rule(("RD",), ("WR",), "rank", t.t_rtw),
        Rule(("WR",), ("RD",), "rank", written + t.t_wtr_s),
        Rule(("WR",), ("RD",), "group", written + t.t_wtr_l),
        Rule(("RD",), ("RD",), "channel", burst + t.t_rtrs, elsewhere=True),
        Rule(("WR",), ("WR",), "channel", burst + t.t_rtrs, elsewhere=True),
        Rule(("RD",), ("WR",), "channel", t.t_cl + burst + t.t_rtrs - t.t_cwl, elsewhere=True),
        Rule(("WR",), ("RD",), "channel", t.t_cwl + burst + t.t_rtrs - t.t_cl, elsewhere=True),
        Rule(column, column, "channel", 1),
        Rule(("ACT",), ("RD",), "bank", t.t_rcd),
        Rule(("ACT",), ("WR",), "bank", t.t_rcd_write),
        Rule(("ACT",), ("ACT",), "bank", t.t_rc),
        Rule(("ACT",), ("ACT",), "group", t.t_rrd_l),
        Rule(("ACT",), ("ACT",), "rank", t.t_rrd_s),
        Rule(("ACT",), ("PRE",), "bank", t.t_ras),
        Rule(("RD",), ("PRE",), "bank", t.t_rtp),
        Rule(("WR",), ("PRE",), "bank", written + t.t_wr),
        Rule(("ACT",), ("PREA",), "rank", t.t_ras),
        Rule(("RD",), ("PREA",), "rank", t.t_rtp),
        Rule(("WR",), ("PREA",), "rank", written + t.t_wr),
        Rule(("PRE",), ("ACT",), "bank", t.t_rp),
        Rule(("PREA",), ("ACT",), "rank", t.t_rp),
        Rule(("PRE",), ("REF",), "rank", t.t_rp),
        Rule(("PREA",), ("REF",), "rank", t.t_rp_all),
        Rule(("ACT",), ("REF",), "rank", t.t_rc),
        Rule(("REF",), ("ACT", "REF"), "rank", t.t_rfc),
    ]
    if t.t_ppd:
        found.append(Rule(("PRE", "PREA"), ("PRE", "PREA"), "rank", t.t_ppd))
    return found


@dataclass
class Ask:
    """A burst that waits."""

    place: Place
    write: bool
    segment: int
    enter: int


@dataclass
class Reference:
    """State of the slow model: the commands so far, and which row each bank has open."""

    device: DramDevice
    commands: list[Command] = field(default_factory=list)
    open_rows: dict[Place, int] = field(default_factory=dict)
    due: dict[Place, int] = field(default_factory=dict)
    queues: dict[int, list[Ask]] = field(default_factory=dict)
    passes: dict[int, int] = field(default_factory=dict)
    last_write: dict[int, bool] = field(default_factory=dict)
    finish: dict[int, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @cached_property
    def rules(self) -> list[Rule]:
        """The distances to keep."""
        return rules(self.device)

    def earliest(self, kind: str, place: Place, extra: list[Command] | None = None) -> int:
        """Return the first clock at which no rule is broken by any command before."""
        clock, earlier = 0, self.commands + (extra or [])
        for rule in self.rules:
            if kind not in rule.second:
                continue
            for command in earlier:
                if (
                    command.kind in rule.first
                    and command.clock + rule.distance > clock
                    and rule.holds(command.place, place)
                ):
                    clock = command.clock + rule.distance
        if kind == "ACT":
            opened = sorted(c.clock for c in earlier if c.kind == "ACT" and c.place.within(place, "rank"))
            if len(opened) >= 4:
                clock = max(clock, opened[-4] + self.device.timing_clocks.t_faw)
        return clock

    def needed(self, ask: Ask) -> list[Command]:
        """Return the commands that a burst needs now, each as early as can be."""
        bank, found = replace(ask.place, row=-1), list[Command]()

        def add(kind: str) -> None:
            found.append(Command(kind, max(ask.enter, self.earliest(kind, ask.place, found)), ask.place))

        if self.open_rows.get(bank) != ask.place.row:
            if bank in self.open_rows:
                add("PRE")
            add("ACT")
        add("WR" if ask.write else "RD")
        return found

    def refresh(self, rank: Place) -> None:
        """Close what is open in the rank and refresh it."""
        due = self.due.get(rank, self.device.timing_clocks.t_refi)
        opened = [bank for bank in self.open_rows if bank.within(rank, "rank")]
        if opened:
            self.commands.append(Command("PREA", max(due, self.earliest("PREA", rank)), rank))
            for bank in opened:
                del self.open_rows[bank]
        self.commands.append(Command("REF", max(due, self.earliest("REF", rank)), rank))
        self.due[rank] = due + self.device.timing_clocks.t_refi
        self.count("refreshes")

    def count(self, name: str) -> None:
        """Add one."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def choose(self, channel: int) -> Ask:
        """Take the next burst from a queue, by the scheduler's policy."""
        queue, scheduler = self.queues[channel], self.device.scheduler

        picked = queue[0]
        may_pass = scheduler.policy == "first_ready" and self.passes.get(channel, 0) < scheduler.most_passes
        if may_pass:
            picked = min(queue, key=lambda ask: self.needed(ask)[-1].clock)
        self.passes[channel] = 0 if picked is queue[0] else self.passes.get(channel, 0) + 1
        queue[:] = [ask for ask in queue if ask is not picked]
        return picked

    def serve(self, channel: int) -> int:
        """Serve one burst of a channel and return the clock of its column command."""
        t, ask = self.device.timing_clocks, self.choose(channel)
        rank = Place(channel, ask.place.rank)
        while self.needed(ask)[-1].clock >= self.due.get(rank, t.t_refi):
            self.refresh(rank)
        commands = self.needed(ask)
        self.commands += commands
        self.open_rows[replace(ask.place, row=-1)] = ask.place.row
        self.count({1: "hits", 2: "misses", 3: "conflicts"}[len(commands)])
        self.count("writes" if ask.write else "reads")
        if self.last_write.get(channel, ask.write) != ask.write:
            self.count("turnarounds")
        self.last_write[channel] = ask.write
        end = commands[-1].clock + (t.t_cwl if ask.write else t.t_cl) + self.device.burst_clocks
        self.finish[ask.segment] = max(self.finish.get(ask.segment, 0), end)
        return commands[-1].clock


def place_of(device: DramDevice, number: int) -> Place:
    """Return where burst `number` lies, by dividing it up from the least significant part."""
    parts, rest = {}, number
    for name in reversed(device.mapping.order):
        rest, parts[name] = divmod(rest, device.field_sizes()[name])
    assert rest == 0
    in_group = device.organisation.banks
    bank = parts["bank_group"] * in_group + parts["bank"]
    if device.mapping.bank_hash == "row_xor":
        bank ^= parts["row"] % (device.organisation.bank_groups * in_group)
    return Place(parts["channel"], parts["rank"], bank // in_group, bank % in_group, parts["row"])


def serve_all(runs: Runs, device: DramDevice) -> Reference:
    """Serve every burst of `runs`: queues are entered in order, and a full one holds up everything behind."""
    model, enter = Reference(device), 0
    for start, size, write, segment in zip(runs.start_byte, runs.bytes, runs.write, runs.segment):
        for number in range(start // device.burst_bytes, (start + size - 1) // device.burst_bytes + 1):
            place = place_of(device, number)
            queue = model.queues.setdefault(place.channel, [])
            if len(queue) == device.scheduler.queue_bursts:
                enter = max(enter, model.serve(place.channel))
            queue.append(Ask(place, bool(write), int(segment), enter))
    for channel in sorted(model.queues):
        while model.queues[channel]:
            model.serve(channel)
    return model


def broken_rules(device: DramDevice, commands: list[Command]) -> list[str]:
    """Return what is wrong with a finished list of commands, taken in the order of their clocks."""
    problems, kept = [], rules(device)
    for i, first in enumerate(commands):
        for j, second in enumerate(commands):
            if i == j or (first.clock, i) > (second.clock, j):
                continue
            for rule in kept:
                matters = first.kind in rule.first and second.kind in rule.second
                if matters and second.clock < first.clock + rule.distance and rule.holds(first.place, second.place):
                    problems.append(f"{rule}: {first} {second}")
    return problems + _broken_windows(device, commands) + _broken_buses(device, commands) + _wrong_rows(commands)


def _broken_windows(device: DramDevice, commands: list[Command]) -> list[str]:
    problems = []
    for rank in {replace(c.place, group=-1, bank=-1, row=-1) for c in commands}:
        clocks = sorted(c.clock for c in commands if c.kind == "ACT" and c.place.within(rank, "rank"))
        for a, b in zip(clocks, clocks[4:]):
            if b - a < device.timing_clocks.t_faw:
                problems.append(f"five activates of {rank} from {a} to {b}")
        due = device.timing_clocks.t_refi
        for clock in sorted(c.clock for c in commands if c.kind == "REF" and c.place == rank):
            if clock < due:
                problems.append(f"refresh of {rank} at {clock}, before {due}")
            due += device.timing_clocks.t_refi
    return problems


def _broken_buses(device: DramDevice, commands: list[Command]) -> list[str]:
    t, problems = device.timing_clocks, []
    for channel in {c.place.channel for c in commands}:
        columns = [c for c in commands if c.kind in ("RD", "WR") and c.place.channel == channel]
        data = sorted(c.clock + (t.t_cl if c.kind == "RD" else t.t_cwl) for c in columns)
        for a, b in pairwise(data):
            if b - a < device.burst_clocks:
                problems.append(f"two bursts on the data bus of channel {channel} at {a} and {b}")
    return problems


def _wrong_rows(commands: list[Command]) -> list[str]:
    rows: dict[Place, int] = {}
    problems = []
    for command in sorted(commands, key=lambda c: c.clock):
        bank = replace(command.place, row=-1)
        if command.kind == "ACT":
            if bank in rows:
                problems.append(f"{command} while row {rows[bank]} is open")
            rows[bank] = command.place.row
        elif command.kind == "PRE":
            rows.pop(bank, None)
        elif command.kind in ("PREA", "REF"):
            inside = [other for other in rows if other.within(command.place, "rank")]
            if command.kind == "REF" and inside:
                problems.append(f"{command} with open rows")
            for other in inside:
                del rows[other]
        elif rows.get(bank) != command.place.row:
            problems.append(f"{command} to a row that is not open")
    return problems
