"""Reading registers by Modbus TCP, with pymodbus: one connection a reading, functions 1 to 4 and no other, ever.

What may live here: which registers are asked in one question, whose answer it is, and what a refusal means. No
controller's register. pymodbus takes an answer of another function, of another length, or with transaction 0 for
the one that was asked for (seen with 3.16): that is checked here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from resilience.duration import spoken
from resilience.reading import Reason

# What it tells as errors is ours to tell: a controller that does not answer is a reading.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

MOST_REGISTERS = 100
"""In one question; the protocol allows 125, some gateways less."""

READING: Mapping[int, str] = {
    1: "read_coils",
    2: "read_discrete_inputs",
    3: "read_holding_registers",
    4: "read_input_registers",
}
"""The functions that read. Nothing else is ever called."""

NOT_OFFERED = frozenset({1, 2, 3})
"""illegalFunction, illegalDataAddress, illegalDataValue: the controller has no such register."""
EXCEPTIONS: Mapping[int, str] = {
    4: "the controller reports a failure of its own",
    5: "the controller is busy with a long command",
    6: "the controller is busy",
    10: "the gateway has no way to the controller (its settings)",
    11: "the gateway answers and the controller behind it does not: is it powered, is 'unit' right?",
}


class ModbusFailure(Exception):
    """Why there is no answer, as a reading tells it."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """Registers that one question asks for."""

    function: int
    first: int
    count: int


Registers = Mapping[tuple[int, int], int]
"""By function and address: the register's 16 bits, or 0 and 1 of functions 1 and 2. What is not offered is absent."""


def blocks(wanted: Iterable[tuple[int, int, int]]) -> list[Block]:
    """The fewest questions for `wanted` (function, first, count). Only what touches is joined: a register between
    two wanted ones may not exist."""
    joined: list[Block] = []
    for function, first, count in sorted(set(wanted)):
        last = joined[-1] if joined else Block(0, 0, 0)
        end = max(first + count, last.first + last.count)
        if last.function == function and first <= last.first + last.count and end - last.first <= MOST_REGISTERS:
            joined[-1] = Block(function, last.first, end - last.first)
        else:
            joined.append(Block(function, first, count))
    return joined


def apart(block: Block, wanted: Iterable[tuple[int, int, int]]) -> list[Block]:
    """The values that `block` was joined from, each shorter than it is; none where it is a single one."""
    parts = (Block(*one) for one in sorted(set(wanted)))
    return [
        part
        for part in parts
        if part != block and part.function == block.function and block.first <= part.first < block.first + block.count
    ]


def taken(block: Block, answer: ModbusPDU, transaction: int) -> dict[tuple[int, int], int] | None:
    """What `answer` holds of `block`; None where the controller has no such register. Raises ModbusFailure."""
    if answer.isError():
        code = getattr(answer, "exception_code", 0)
        if code in NOT_OFFERED:
            return None
        said = EXCEPTIONS.get(code, f"the controller refuses, exception {code}")
        raise ModbusFailure(Reason.DEVICE, f"{said} (registers from {block.first}, function {block.function})")
    if (answer.function_code, answer.transaction_id) != (block.function, transaction):
        raise ModbusFailure(Reason.PROTOCOL, "it answered another question than it was asked")
    values = answer.bits[: block.count] if block.function in (1, 2) else answer.registers
    if len(values) != block.count:
        raise ModbusFailure(Reason.PROTOCOL, f"it was asked for {block.count} registers and sent {len(values)}")
    return {(block.function, block.first + place): int(value) for place, value in enumerate(values)}


async def read_registers(
    host: str, port: int, unit: int, wanted: Collection[tuple[int, int, int]], *, patience: float, source: str = ""
) -> Registers:
    """The registers `wanted`, in `patience` s. Raises ModbusFailure."""
    client = AsyncModbusTcpClient(
        host,
        port=port,
        timeout=2 * patience,  # the bound is ours, below
        retries=0,
        reconnect_delay=0,
        source_address=(source, 0) if source else None,
    )
    awaited = f"connection to {host} port {port}"
    found: dict[tuple[int, int], int] = {}
    try:
        async with asyncio.timeout(patience):
            if not await client.connect():
                raise ModbusFailure(Reason.REFUSED, f"no {awaited}: does the name resolve, is Modbus TCP switched on?")
            waiting = blocks(wanted)
            while waiting:
                block = waiting.pop(0)
                awaited = f"answer to registers from {block.first} (function {block.function})"
                ask: Callable[..., Awaitable[Any]] = getattr(client, READING[block.function])
                answer = await ask(block.first, count=block.count, device_id=unit)
                values = taken(block, answer, client.ctx.next_tid)
                found |= values or {}
                # One register that is not there refuses the whole question: then each value is asked for alone.
                waiting += apart(block, wanted) if values is None else []
    except TimeoutError:
        text = f"no {awaited} within {spoken(patience * 1000)}"
        raise ModbusFailure(Reason.TIMEOUT, text) from None
    except ModbusException as error:
        raise ModbusFailure(Reason.PROTOCOL, f"no {awaited}: {error}"[:300]) from None
    except OSError as error:
        raise ModbusFailure(Reason.UNREACHABLE, f"no {awaited}: {error.strerror or error}") from None
    finally:
        client.close()
    return found
