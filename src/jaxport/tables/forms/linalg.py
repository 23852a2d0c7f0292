"""Products of matrices, linear algebra, Fourier transforms."""

from __future__ import annotations

from jaxport.tables.forms import Form
from jaxport.tables.forms.pointwise import both

_SIGNS = "the signs of the vectors can differ"
_NORM = "norm: str | None = None, *, out: None = None"

# Matrix products that are added to something: the names, their operands, the product.
_ADDED = {
    "addmm": ("mat1: Tensor, mat2: Tensor", "({mat1} @ {mat2})"),
    "baddbmm": ("batch1: Tensor, batch2: Tensor", "({batch1} @ {batch2})"),
    "addmv": ("mat: Tensor, vec: Tensor", "({mat} @ {vec})"),
    "addbmm": ("batch1: Tensor, batch2: Tensor", "jnp.sum({batch1} @ {batch2}, axis=0)"),
    "addr": ("vec1: Tensor, vec2: Tensor", "jnp.outer({vec1}, {vec2})"),
}


def _added(name: str, operands: str, product: str) -> list[Form]:
    """`beta * input + alpha * product`; with `beta=0`, what is in `input` does not matter."""
    call = f"{both(name, in_place=True)}(input: Tensor, {operands}, *"
    return [
        Form(f"{call}, beta: 1 = 1, alpha: 1 = 1) -> Tensor", f"{{input}} + {product}"),
        Form(f"{call}, beta: 0, alpha: number = 1) -> Tensor", f"{{alpha}} * {product}"),
        Form(
            f"{call}, beta: number = 1, alpha: number = 1) -> Tensor",
            f"{{beta}} * {{input}} + {{alpha}} * {product}",
        ),
    ]


FORMS: tuple[Form, ...] = (
    # Products
    Form(
        f"{both('matmul')}(input: Tensor, other: Tensor) -> Tensor", "jnp.matmul({input}, {other})"
    ),
    *(
        Form(
            f"{both(name)}(input: Tensor, {other}: Tensor, *, out: None = None) -> Tensor",
            f"jnp.matmul({{input}}, {{{other}}})",
        )
        for name, other in (("mm", "mat2"), ("bmm", "mat2"), ("mv", "vec"))
    ),
    Form(f"{both('dot')}(input: Tensor, tensor: Tensor) -> Tensor", "jnp.dot({input}, {tensor})"),
    Form(
        f"{both('outer ger')}(input: Tensor, vec2: Tensor) -> Tensor", "jnp.outer({input}, {vec2})"
    ),
    *(
        Form(
            f"{both(name)}(input: Tensor, other: Tensor) -> Tensor",
            f"jnp.{name}({{input}}, {{other}})",
        )
        for name in ("inner", "vdot", "kron")
    ),
    Form(
        "torch.tensordot(a: Tensor, b: Tensor, dims: any = 2) -> Tensor",
        "jnp.tensordot({a}, {b}, axes={dims?})",
    ),
    Form(
        "torch.einsum(equation: str, operands: list[Tensor]) -> Tensor",
        "jnp.einsum({equation}, *{operands})",
    ),
    Form(
        "torch.einsum(equation: str, *operands: Tensor) -> Tensor",
        "jnp.einsum({equation}, {*operands})",
    ),
    *(
        form
        for name, (operands, product) in _ADDED.items()
        for form in _added(name, operands, product)
    ),
    Form(
        f"{both('cross')}(input: Tensor, other: Tensor, dim: int) -> Tensor",
        "jnp.cross({input}, {other}, axis={dim})",
    ),
    Form(
        "torch.linalg.cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor",
        "jnp.cross({input}, {other}, axis={dim?})",
    ),
    Form(
        "torch.linalg.vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor",
        "jnp.vecdot({x}, {y}, axis={dim?})",
    ),
    Form(
        "torch.linalg.multi_dot(tensors: list[Tensor]) -> Tensor", "jnp.linalg.multi_dot({tensors})"
    ),
    Form(
        "torch.cdist(x1: Tensor, x2: Tensor, p: number = 2.0, compute_mode: any = None) -> Tensor",
        "@cdist({x1}, {x2}, {p?})",
    ),
    Form(f"{both('trace')}(input: Tensor) -> Tensor", "jnp.trace({input})"),
    # Linear algebra
    Form(
        f"{both('inverse')}, torch.linalg.inv(input: Tensor) -> Tensor", "jnp.linalg.inv({input})"
    ),
    Form("torch.linalg.pinv(A: Tensor) -> Tensor", "@pinv({A})"),
    Form(f"{both('pinverse')}(input: Tensor) -> Tensor", "@pinv({input})"),
    Form("torch.linalg.solve(A: Tensor, B: Tensor) -> Tensor", "@solve({A}, {B})"),
    *(
        Form(
            f"torch.linalg.solve_triangular(A: Tensor, B: Tensor, *, upper: {upper}, "
            "unitriangular: bool = False) -> Tensor",
            f"jax.scipy.linalg.solve_triangular({{A}}, {{B}}, lower={not upper}, "
            "unit_diagonal={unitriangular?})",
        )
        for upper in (True, False)
    ),
    Form(f"{both('det')}, torch.linalg.det(input: Tensor) -> Tensor", "jnp.linalg.det({input})"),
    Form(
        f"{both('slogdet')}, torch.linalg.slogdet(input: Tensor) -> tuple[Tensor, Tensor]",
        "jnp.linalg.slogdet({input})",
    ),
    Form(
        f"{both('cholesky')}, torch.linalg.cholesky(input: Tensor) -> Tensor",
        "jnp.linalg.cholesky({input}, symmetrize_input=False)",
    ),
    Form(
        "torch.linalg.eigh(A: Tensor) -> tuple[Tensor, Tensor]",
        "jnp.linalg.eigh({A}, symmetrize_input=False)",
        _SIGNS,
    ),
    Form(
        "torch.linalg.eigvalsh(A: Tensor) -> Tensor",
        "jnp.linalg.eigh({A}, symmetrize_input=False)[0]",
    ),
    Form(
        f"{both('qr')}, torch.linalg.qr(A: Tensor) -> tuple[Tensor, Tensor]",
        "jnp.linalg.qr({A})",
        _SIGNS,
    ),
    Form(
        "torch.linalg.svd(A: Tensor, full_matrices: bool = True) -> tuple[Tensor, Tensor, Tensor]",
        "jnp.linalg.svd({A}, full_matrices={full_matrices?})",
        _SIGNS,
    ),
    Form("torch.linalg.svdvals(A: Tensor) -> Tensor", "jnp.linalg.svdvals({A})"),
    Form(
        f"{both('matrix_power')}, torch.linalg.matrix_power(input: Tensor, n: int) -> Tensor",
        "jnp.linalg.matrix_power({input}, {n})",
    ),
    Form(
        f"{both('matrix_exp')}, torch.linalg.matrix_exp(input: Tensor) -> Tensor",
        "jax.scipy.linalg.expm({input})",
    ),
    # Fourier transforms
    *(
        Form(
            f"torch.fft.{name}(input: Tensor, n: int | None = None, dim: int = -1, {_NORM}) "
            "-> Tensor",
            f"jnp.fft.{name}({{input}}, n={{n?}}, axis={{dim?}}, norm={{norm?}})",
        )
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
    ),
    *(
        Form(
            f"torch.fft.{name}(input: Tensor, s: shape | None = None, {dim}, {_NORM}) -> Tensor",
            f"jnp.fft.{name}({{input}}, s={{s?}}, axes={{dim?}}, norm={{norm?}})",
        )
        for names, dim in (
            (("fft2", "ifft2", "rfft2", "irfft2"), "dim: shape = (-2, -1)"),
            (("fftn", "ifftn", "rfftn", "irfftn"), "dim: shape | None = None"),
        )
        for name in names
    ),
    *(
        Form(
            f"torch.fft.{name}(input: Tensor, dim: int | shape | None = None) -> Tensor",
            f"jnp.fft.{name}({{input}}, axes={{dim?}})",
        )
        for name in ("fftshift", "ifftshift")
    ),
    *(
        Form(
            f"torch.fft.{name}(n: int, d: number = 1.0, *, dtype: None = None, "
            "device: any = None) -> Tensor",
            f"jnp.fft.{name}({{n}}, d={{d?}})",
        )
        for name in ("fftfreq", "rfftfreq")
    ),
    Form(
        f"{both('stft')}(input: Tensor, n_fft: int, hop_length: int | None = None, "
        "win_length: int | None = None, window: Tensor | None = None, center: bool = True, "
        "pad_mode: str = 'reflect', normalized: bool = False, onesided: bool = True, *, "
        "return_complex: True) -> Tensor",
        "@stft({input}, {n_fft}, hop_length={hop_length?}, win_length={win_length?}, "
        "window={window?}, center={center?}, pad_mode={pad_mode?}, normalized={normalized?}, "
        "onesided={onesided?})",
    ),
)
