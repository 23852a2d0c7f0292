"""Functions of layers: linear maps, convolutions, pooling, normalization, resizing, padding."""

from __future__ import annotations

from jaxport.tables.forms import Form

_INDEXES = "An index out of range gives NaN, and a negative one counts from the end; torch raises."

_LINEAR = (
    Form(
        "torch.nn.functional.linear(input: Tensor, weight: Tensor, bias: None = None) -> Tensor",
        "{input} @ {weight}.T",
    ),
    Form(
        "torch.nn.functional.linear(input: Tensor, weight: Tensor, bias: Tensor) -> Tensor",
        "{input} @ {weight}.T + {bias}",
    ),
    Form(
        "torch.nn.functional.linear(input: Tensor, weight: Tensor, bias: any) -> Tensor",
        "@linear({input}, {weight}, {bias})",
    ),
    Form(
        "torch.nn.functional.bilinear, torch.bilinear(input1: Tensor, input2: Tensor,"
        " weight: Tensor, bias: None = None) -> Tensor",
        "jnp.einsum('...i,oij,...j->...o', {input1}, {weight}, {input2})",
    ),
    Form(
        "torch.nn.functional.bilinear, torch.bilinear(input1: Tensor, input2: Tensor,"
        " weight: Tensor, bias: Tensor) -> Tensor",
        "jnp.einsum('...i,oij,...j->...o', {input1}, {weight}, {input2}) + {bias}",
    ),
    Form(
        "torch.nn.functional.embedding(input: Tensor, weight: Tensor, padding_idx: None = None,"
        " max_norm: None = None, norm_type: number = 2.0, scale_grad_by_freq: False = False,"
        " sparse: bool = False) -> Tensor",
        "jnp.take({weight}, {input}, axis=0)",
        _INDEXES,
    ),
    Form(
        "torch.nn.functional.embedding(input: Tensor, weight: Tensor, padding_idx: any,"
        " max_norm: None = None, norm_type: number = 2.0, scale_grad_by_freq: False = False,"
        " sparse: bool = False) -> Tensor",
        "@embedding({input}, {weight}, {padding_idx})",
        _INDEXES,
    ),
    Form(
        "torch.nn.functional.one_hot(input: Tensor, num_classes: int) -> Tensor",
        "jax.nn.one_hot({input}, {num_classes}, dtype=jnp.int32)",
        "A class out of range gives zeros; torch raises.",
    ),
)

_CONVOLUTIONS = tuple(
    form
    for n in (1, 2, 3)
    for form in (
        Form(
            f"torch.nn.functional.conv{n}d, torch.conv{n}d(input: Tensor, weight: Tensor,"
            " bias: any = None, stride: any = 1, padding: any = 0, dilation: any = 1,"
            " groups: int = 1) -> Tensor",
            f"@conv{n}d({{input}}, {{weight}}, bias={{bias?}}, stride={{stride?}},"
            " padding={padding?}, dilation={dilation?}, groups={groups?})",
        ),
        Form(
            f"torch.nn.functional.conv_transpose{n}d, torch.conv_transpose{n}d(input: Tensor,"
            " weight: Tensor, bias: any = None, stride: any = 1, padding: any = 0,"
            " output_padding: any = 0, groups: int = 1, dilation: any = 1) -> Tensor",
            f"@conv_transpose{n}d({{input}}, {{weight}}, bias={{bias?}}, stride={{stride?}},"
            " padding={padding?}, output_padding={output_padding?}, groups={groups?},"
            " dilation={dilation?})",
        ),
    )
)

_POOLING = (
    Form(
        "torch.nn.functional.avg_pool1d, torch.avg_pool1d(input: Tensor, kernel_size: any,"
        " stride: any = None, padding: any = 0, ceil_mode: bool = False,"
        " count_include_pad: bool = True) -> Tensor",
        "@avg_pool1d({input}, {kernel_size}, stride={stride?}, padding={padding?},"
        " ceil_mode={ceil_mode?}, count_include_pad={count_include_pad?})",
    ),
    *(
        Form(
            f"torch.nn.functional.avg_pool{n}d(input: Tensor, kernel_size: any,"
            " stride: any = None, padding: any = 0, ceil_mode: bool = False,"
            " count_include_pad: bool = True, divisor_override: any = None) -> Tensor",
            f"@avg_pool{n}d({{input}}, {{kernel_size}}, stride={{stride?}}, padding={{padding?}},"
            " ceil_mode={ceil_mode?}, count_include_pad={count_include_pad?},"
            " divisor_override={divisor_override?})",
        )
        for n in (2, 3)
    ),
    *(
        form
        for n in (1, 2, 3)
        for form in (
            Form(
                f"torch.nn.functional.max_pool{n}d(input: Tensor, kernel_size: any,"
                " stride: any = None, padding: any = 0, dilation: any = 1,"
                " ceil_mode: bool = False, return_indices: False = False) -> Tensor",
                f"@max_pool{n}d({{input}}, {{kernel_size}}, stride={{stride?}},"
                " padding={padding?}, dilation={dilation?}, ceil_mode={ceil_mode?})",
            ),
            Form(
                f"torch.nn.functional.adaptive_avg_pool{n}d(input: Tensor, output_size: any)"
                " -> Tensor",
                f"@adaptive_avg_pool{n}d({{input}}, {{output_size}})",
            ),
            Form(
                f"torch.nn.functional.adaptive_max_pool{n}d(input: Tensor, output_size: any,"
                " return_indices: False = False) -> Tensor",
                f"@adaptive_max_pool{n}d({{input}}, {{output_size}})",
            ),
        )
    ),
    Form(
        "torch.adaptive_avg_pool1d(input: Tensor, output_size: any) -> Tensor",
        "@adaptive_avg_pool1d({input}, {output_size})",
    ),
)

_NORMALIZATION = (
    Form(
        "torch.nn.functional.layer_norm(input: Tensor, normalized_shape: any, weight: any = None,"
        " bias: any = None, eps: float = 1e-05) -> Tensor",
        "@layer_norm({input}, {normalized_shape}, weight={weight?}, bias={bias?}, eps={eps?})",
    ),
    Form(
        "torch.nn.functional.rms_norm, torch.rms_norm(input: Tensor, normalized_shape: any,"
        " weight: any = None, eps: any = None) -> Tensor",
        "@rms_norm({input}, {normalized_shape}, weight={weight?}, eps={eps?})",
    ),
    Form(
        "torch.nn.functional.group_norm(input: Tensor, num_groups: int, weight: any = None,"
        " bias: any = None, eps: float = 1e-05) -> Tensor",
        "@group_norm({input}, {num_groups}, weight={weight?}, bias={bias?}, eps={eps?})",
    ),
    Form(
        "torch.nn.functional.instance_norm(input: Tensor, running_mean: None = None,"
        " running_var: None = None, weight: any = None, bias: any = None,"
        " use_input_stats: True = True, momentum: number = 0.1, eps: float = 1e-05) -> Tensor",
        "@instance_norm({input}, weight={weight?}, bias={bias?}, eps={eps?})",
    ),
    Form(
        "torch.nn.functional.batch_norm(input: Tensor, running_mean: Tensor,"
        " running_var: Tensor, weight: any = None, bias: any = None, training: False = False,"
        " momentum: number = 0.1, eps: float = 1e-05) -> Tensor",
        "@batch_norm({input}, {running_mean}, {running_var}, weight={weight?}, bias={bias?},"
        " eps={eps?})",
    ),
    Form(
        "torch.nn.functional.batch_norm(input: Tensor, running_mean: None, running_var: None,"
        " weight: any = None, bias: any = None, training: bool = False, momentum: number = 0.1,"
        " eps: float = 1e-05) -> Tensor",
        "@batch_norm({input}, None, None, weight={weight?}, bias={bias?}, eps={eps?})",
    ),
    Form(
        "torch.nn.functional.normalize(input: Tensor, p: number = 2.0, dim: any = 1,"
        " eps: float = 1e-12, out: None = None) -> Tensor",
        "@normalize({input}, p={p?}, dim={dim?}, eps={eps?})",
    ),
    Form(
        "torch.nn.functional.cosine_similarity, torch.cosine_similarity(x1: Tensor, x2: Tensor,"
        " dim: int = 1, eps: float = 1e-08) -> Tensor",
        "@cosine_similarity({x1}, {x2}, dim={dim?}, eps={eps?})",
    ),
    Form(
        "torch.nn.functional.pairwise_distance, torch.pairwise_distance(x1: Tensor, x2: Tensor,"
        " p: number = 2.0, eps: float = 1e-06, keepdim: bool = False) -> Tensor",
        "@pairwise_distance({x1}, {x2}, p={p?}, eps={eps?}, keepdim={keepdim?})",
    ),
)

_RESIZING = (
    Form(
        "torch.nn.functional.interpolate(input: Tensor, size: any = None,"
        " scale_factor: any = None, mode: str = 'nearest', align_corners: any = None,"
        " recompute_scale_factor: any = None, antialias: bool = False) -> Tensor",
        "@interpolate({input}, size={size?}, scale_factor={scale_factor?}, mode={mode?},"
        " align_corners={align_corners?}, recompute_scale_factor={recompute_scale_factor?},"
        " antialias={antialias?})",
    ),
    Form(
        "torch.nn.functional.upsample(input: Tensor, size: any = None, scale_factor: any = None,"
        " mode: str = 'nearest', align_corners: any = None) -> Tensor",
        "@interpolate({input}, size={size?}, scale_factor={scale_factor?}, mode={mode?},"
        " align_corners={align_corners?})",
    ),
    Form(
        "torch.nn.functional.grid_sample(input: Tensor, grid: Tensor, mode: str = 'bilinear',"
        " padding_mode: str = 'zeros', align_corners: any = None) -> Tensor",
        "@grid_sample({input}, {grid}, mode={mode?}, padding_mode={padding_mode?},"
        " align_corners={align_corners?})",
    ),
    Form(
        "torch.nn.functional.affine_grid(theta: Tensor, size: any, align_corners: any = None)"
        " -> Tensor",
        "@affine_grid({theta}, {size}, align_corners={align_corners?})",
    ),
)

_SHAPES = (
    Form(
        "torch.nn.functional.pad(input: Tensor, pad: any, mode: str = 'constant',"
        " value: any = None) -> Tensor",
        "@pad({input}, {pad}, mode={mode?}, value={value?})",
    ),
    Form(
        "torch.nn.functional.pixel_shuffle, torch.pixel_shuffle(input: Tensor,"
        " upscale_factor: int) -> Tensor",
        "@pixel_shuffle({input}, {upscale_factor})",
    ),
    Form(
        "torch.nn.functional.pixel_unshuffle, torch.pixel_unshuffle(input: Tensor,"
        " downscale_factor: int) -> Tensor",
        "@pixel_unshuffle({input}, {downscale_factor})",
    ),
    Form(
        "torch.nn.functional.channel_shuffle, torch.channel_shuffle(input: Tensor, groups: int)"
        " -> Tensor",
        "@channel_shuffle({input}, {groups})",
    ),
    Form(
        "torch.nn.functional.unfold(input: Tensor, kernel_size: any, dilation: any = 1,"
        " padding: any = 0, stride: any = 1) -> Tensor",
        "@unfold({input}, {kernel_size}, dilation={dilation?}, padding={padding?},"
        " stride={stride?})",
    ),
    Form(
        "torch.nn.functional.fold(input: Tensor, output_size: any, kernel_size: any,"
        " dilation: any = 1, padding: any = 0, stride: any = 1) -> Tensor",
        "@fold({input}, {output_size}, {kernel_size}, dilation={dilation?}, padding={padding?},"
        " stride={stride?})",
    ),
)

FORMS: tuple[Form, ...] = (
    *_LINEAR,
    *_CONVOLUTIONS,
    *_POOLING,
    *_NORMALIZATION,
    *_RESIZING,
    *_SHAPES,
)
