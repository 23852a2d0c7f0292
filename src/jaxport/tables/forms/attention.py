"""Attention. The second argument goes by no name here: `{key}` is a PRNG key in a form."""

from __future__ import annotations

from jaxport.tables.forms import Form

FORMS: tuple[Form, ...] = (
    Form(
        "torch.nn.functional.scaled_dot_product_attention(query: Tensor, k: Tensor, "
        "value: Tensor, attn_mask: any = None, dropout_p: 0.0 | 0 = 0.0, is_causal: bool = False, "
        "*, scale: any = None, enable_gqa: bool = False) -> Tensor",
        "@scaled_dot_product_attention({query}, {k}, {value}, attn_mask={attn_mask?}, "
        "is_causal={is_causal?}, scale={scale?}, enable_gqa={enable_gqa?})",
    ),
    Form(
        "torch.nn.functional.scaled_dot_product_attention(query: Tensor, k: Tensor, "
        "value: Tensor, attn_mask: any = None, dropout_p: float = 0.0, is_causal: bool = False, "
        "*, scale: any = None, enable_gqa: bool = False) -> Tensor",
        "@scaled_dot_product_attention({query}, {k}, {value}, attn_mask={attn_mask?}, "
        "dropout_p={dropout_p}, is_causal={is_causal?}, scale={scale?}, "
        "enable_gqa={enable_gqa?}, dropout_key={key})",
    ),
    Form(
        "torch.nn.Transformer.generate_square_subsequent_mask"
        "(sz: int, device: any = None, dtype: None = None) -> Tensor",
        "@generate_square_subsequent_mask({sz})",
    ),
)
