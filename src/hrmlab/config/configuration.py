"""The checked configuration as a typed object: what the program hands around. Plain data exist only at a run directory's edge."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, get_type_hints

from hrmlab.config.schema import LOGGERS, SECTION_SCHEMAS, Audit, Evaluation, Logger, Objective, Regime, Root, Size, Trainer, Training
from hrmlab.config.validation import validate
from hrmlab.core.components import Component


@dataclass(frozen=True, kw_only=True)
class Configuration(Root):
    """A whole run, as asked for. Made by :meth:`from_plain`, which checks it."""

    model: Component
    regime: Regime
    size: Size
    data: Component
    optimizer: Component
    training: Training
    trainer: Trainer
    logger: tuple[Logger, ...]
    evaluation: Evaluation
    audit: Audit
    objective: Objective

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Configuration":
        """Check plain data against the schemas.

        Raises:
            UserError: the first thing that is wrong, by name, with the remedy.
        """
        checked, hints, values = validate(plain), get_type_hints(cls), {}
        for field in fields(cls):
            value, kind = checked[field.name], hints[field.name]
            if kind is Component:
                values[field.name] = Component.from_section(value)
            elif field.name == "logger":
                values[field.name] = tuple(_logger(kind, value) for kind in LOGGERS if value.get(kind))
            else:
                values[field.name] = kind(**value) if field.name in SECTION_SCHEMAS else value
        return cls(**values)

    def to_plain(self) -> dict[str, Any]:
        """What config.yaml holds; :meth:`from_plain` reads it back."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def _logger(kind: str, section: Mapping[str, Any]) -> Logger:
    schema = LOGGERS[kind]
    return schema(**{field.name: section[field.name] for field in fields(schema)})


def _plain(value: Any) -> Any:
    if isinstance(value, Component):
        return value.to_section()
    if isinstance(value, tuple):
        kinds = {schema: kind for kind, schema in LOGGERS.items()}
        return {key: item for logger in value for key, item in {kinds[type(logger)]: True, **asdict(logger)}.items()}
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
