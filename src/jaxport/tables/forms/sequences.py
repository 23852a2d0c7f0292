"""Functions of `torch.nn.utils`."""

from __future__ import annotations

from jaxport.tables.forms import Form

FORMS: tuple[Form, ...] = (
    Form(
        "torch.nn.utils.rnn.pad_sequence(sequences: any, batch_first: bool = False,"
        " padding_value: float = 0.0, padding_side: str = 'right') -> Tensor",
        "@pad_sequence({sequences}, batch_first={batch_first?}, padding_value={padding_value?},"
        " padding_side={padding_side?})",
    ),
)
