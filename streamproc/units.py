"""Kinds of numbers and texts in records, each with its unit: what a schema says beside a type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import CoreSchema

UNIT: Final = "x-unit"  # the schema's keyword
BASE_UNITS: Final = r"^-?[0-9]+$"


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a value, written into its schema as `x-unit`."""

    name: str
    pattern: str | None = None  # of a text

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The value's schema with its unit."""
        found = handler(schema)
        found[UNIT] = self.name
        if self.pattern is not None:
            found["pattern"] = self.pattern
        return found


Lamports = Annotated[int, Unit("lamports")]
BaseUnits = Annotated[str, Unit("base units", BASE_UNITS)]  # of the token whose record it is
Decimals = Annotated[int, Field(ge=0), Unit("decimals")]
Count = Annotated[int, Field(ge=0), Unit("count")]
Mean = Annotated[float, Field(ge=0), Unit("count")]  # a mean of counts, or a count per time
Share = Annotated[float, Field(ge=0, le=1), Unit("share")]
Ratio = Annotated[float, Unit("ratio")]
Percent = Annotated[float, Field(ge=0, le=100), Unit("percent")]
Usd = Annotated[float, Field(ge=0), Unit("US dollars")]
Sol = Annotated[float, Field(ge=0), Unit("SOL")]
Slot = Annotated[int, Field(ge=0), Unit("slot")]
Hours = Annotated[float, Field(ge=0), Unit("hours")]
WholeHours = Annotated[int, Field(ge=0), Unit("hours")]
Seconds = Annotated[float, Unit("seconds")]
WholeSeconds = Annotated[int, Field(ge=0), Unit("seconds")]
Milliseconds = Annotated[int, Field(ge=0), Unit("milliseconds")]
UnixSeconds = Annotated[int, Field(ge=0), Unit("unix seconds")]
UnixMilliseconds = Annotated[int, Field(ge=0), Unit("unix milliseconds")]
Credits = Annotated[int, Field(ge=0), Unit("upstream credits")]
