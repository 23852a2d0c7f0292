"""The same items in another shape: joining, cutting, turning, repeating."""

from __future__ import annotations

from jaxport.tables.forms import Form

FORMS: tuple[Form, ...] = (
    # Joining
    Form(
        "torch.cat, torch.concat, torch.concatenate"
        "(tensors: list[Tensor], dim: int = 0, *, out: None = None) -> Tensor",
        "jnp.concatenate({tensors}, axis={dim?})",
    ),
    Form(
        "torch.stack(tensors: list[Tensor], dim: int = 0, *, out: None = None) -> Tensor",
        "jnp.stack({tensors}, axis={dim?})",
    ),
    Form("torch.vstack, torch.row_stack(tensors: list[Tensor]) -> Tensor", "jnp.vstack({tensors})"),
    *(
        Form(f"torch.{name}(tensors: list[Tensor]) -> Tensor", f"jnp.{name}({{tensors}})")
        for name in ("hstack", "dstack", "column_stack")
    ),
    Form("torch.block_diag(*tensors: Tensor) -> Tensor", "jax.scipy.linalg.block_diag({*tensors})"),
    # Cutting
    Form(
        "torch.split(tensor: Tensor, split_size_or_sections: int | shape, dim: int = 0) "
        "-> tuple[Tensor, ...]",
        "@split({tensor}, {split_size_or_sections}, dim={dim?})",
    ),
    Form(
        "Tensor.split(input: Tensor, split_size: int | shape, dim: int = 0) -> tuple[Tensor, ...]",
        "@split({input}, {split_size}, dim={dim?})",
    ),
    Form(
        "torch.split_with_sizes, Tensor.split_with_sizes"
        "(input: Tensor, split_sizes: shape, dim: int = 0) -> tuple[Tensor, ...]",
        "@split({input}, {split_sizes}, dim={dim?})",
    ),
    Form(
        "torch.chunk, Tensor.chunk(input: Tensor, chunks: int, dim: int = 0) -> list[Tensor]",
        "jnp.split({input}, {chunks}, axis={dim?})",
        "raises where the chunks would not have one size",
    ),
    Form(
        "torch.tensor_split, Tensor.tensor_split"
        "(input: Tensor, indices_or_sections: int | shape, dim: int = 0) -> list[Tensor]",
        "jnp.array_split({input}, {indices_or_sections}, axis={dim?})",
    ),
    Form(
        "torch.unbind, Tensor.unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]",
        "jnp.unstack({input}, axis={dim?})",
    ),
    Form(
        "torch.narrow, Tensor.narrow(input: Tensor, dim: int, start: any, length: int) -> Tensor",
        "jax.lax.dynamic_slice_in_dim({input}, {start}, {length}, axis={dim})",
    ),
    Form(
        "torch.select, Tensor.select(input: Tensor, dim: 0, index: any) -> Tensor",
        "{input}[{index}]",
    ),
    Form(
        "torch.select, Tensor.select(input: Tensor, dim: 1, index: any) -> Tensor",
        "{input}[:, {index}]",
    ),
    Form(
        "torch.select, Tensor.select(input: Tensor, dim: -1, index: any) -> Tensor",
        "{input}[..., {index}]",
    ),
    Form(
        "torch.select, Tensor.select(input: Tensor, dim: int, index: any) -> Tensor",
        "jnp.take({input}, {index}, axis={dim})",
    ),
    Form(
        "Tensor.unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor",
        "@windows({input}, {dimension}, {size}, {step})",
    ),
    # Another shape
    Form("torch.reshape(input: Tensor, shape: shape) -> Tensor", "jnp.reshape({input}, {shape})"),
    Form("Tensor.reshape(input: Tensor, *shape: int) -> Tensor", "{input}.reshape({*shape})"),
    Form("Tensor.view(input: Tensor, *size: int) -> Tensor", "{input}.reshape({*size})"),
    Form(
        "Tensor.view_as, Tensor.reshape_as(input: Tensor, other: Tensor) -> Tensor",
        "{input}.reshape({other}.shape)",
    ),
    Form("torch.ravel, Tensor.ravel(input: Tensor) -> Tensor", "{input}.ravel()"),
    Form(
        "torch.flatten, Tensor.flatten(input: Tensor, start_dim: 0 = 0, end_dim: -1 = -1) "
        "-> Tensor",
        "{input}.ravel()",
    ),
    Form(
        "torch.flatten, Tensor.flatten(input: Tensor, start_dim: int, end_dim: -1 = -1) -> Tensor",
        "jax.lax.collapse({input}, {start_dim})",
    ),
    *(
        Form(
            f"torch.flatten, Tensor.flatten(input: Tensor, start_dim: {start}, end_dim: {end}) "
            "-> Tensor",
            f"jax.lax.collapse({{input}}, {start}, {end + 1})",
        )
        for start, end in ((0, 1), (0, 2), (1, 2), (2, 3))
    ),
    Form(
        "torch.flatten, Tensor.flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) "
        "-> Tensor",
        "@flatten({input}, start_dim={start_dim?}, end_dim={end_dim?})",
    ),
    Form(
        "torch.unflatten, Tensor.unflatten(input: Tensor, dim: int, sizes: shape) -> Tensor",
        "@unflatten({input}, {dim}, {sizes})",
    ),
    Form("torch.squeeze(input: Tensor) -> Tensor", "jnp.squeeze({input})"),
    Form("Tensor.squeeze, Tensor.squeeze_(input: Tensor) -> Tensor", "{input}.squeeze()"),
    Form(
        "torch.squeeze(input: Tensor, dim: int | shape) -> Tensor",
        "jnp.squeeze({input}, axis={dim})",
        "raises where the dimension is not 1; torch leaves it",
    ),
    Form(
        "Tensor.squeeze, Tensor.squeeze_(input: Tensor, dim: int | shape) -> Tensor",
        "{input}.squeeze({dim})",
        "raises where the dimension is not 1; torch leaves it",
    ),
    Form(
        "torch.unsqueeze, Tensor.unsqueeze, Tensor.unsqueeze_(input: Tensor, dim: int) -> Tensor",
        "jnp.expand_dims({input}, {dim})",
    ),
    *(
        Form(f"torch.{name}(input: Tensor) -> Tensor", f"jnp.{name}({{input}})")
        for name in ("atleast_1d", "atleast_2d", "atleast_3d")
    ),
    # Turning
    Form(
        "torch.transpose, torch.swapaxes, torch.swapdims(input: Tensor, dim0: int, dim1: int) "
        "-> Tensor",
        "jnp.swapaxes({input}, {dim0}, {dim1})",
    ),
    Form(
        "Tensor.transpose, Tensor.swapaxes, Tensor.swapdims, Tensor.transpose_"
        "(input: Tensor, dim0: int, dim1: int) -> Tensor",
        "{input}.swapaxes({dim0}, {dim1})",
    ),
    Form("torch.t, Tensor.t, Tensor.t_(input: Tensor) -> Tensor", "{input}.T"),
    Form("torch.adjoint, Tensor.adjoint(input: Tensor) -> Tensor", "{input}.mT.conj()"),
    Form("torch.permute(input: Tensor, dims: shape) -> Tensor", "jnp.transpose({input}, {dims})"),
    Form("Tensor.permute(input: Tensor, *dims: int) -> Tensor", "{input}.transpose({*dims})"),
    Form(
        "torch.movedim, torch.moveaxis, Tensor.movedim, Tensor.moveaxis"
        "(input: Tensor, source: int | shape, destination: int | shape) -> Tensor",
        "jnp.moveaxis({input}, {source}, {destination})",
    ),
    Form(
        "torch.flip(input: Tensor, dims: int | shape) -> Tensor",
        "jnp.flip({input}, axis={dims})",
    ),
    Form("Tensor.flip(input: Tensor, *dims: int) -> Tensor", "jnp.flip({input}, axis={dims})"),
    *(
        Form(f"torch.{name}, Tensor.{name}(input: Tensor) -> Tensor", f"jnp.{name}({{input}})")
        for name in ("fliplr", "flipud")
    ),
    Form(
        "torch.rot90, Tensor.rot90(input: Tensor, k: int = 1) -> Tensor",
        "jnp.rot90({input}, {k?})",
    ),
    Form(
        "torch.rot90, Tensor.rot90(input: Tensor, k: int, dims: shape) -> Tensor",
        "jnp.rot90({input}, {k}, tuple({dims}))",
    ),
    Form(
        "torch.roll, Tensor.roll"
        "(input: Tensor, shifts: int | shape, dims: int | shape | None = None) -> Tensor",
        "jnp.roll({input}, {shifts}, axis={dims?})",
    ),
    # Repeating
    Form("Tensor.expand(input: Tensor, *size: int) -> Tensor", "@expand({input}, {size})"),
    Form(
        "Tensor.expand_as(input: Tensor, other: Tensor) -> Tensor",
        "jnp.broadcast_to({input}, {other}.shape)",
    ),
    Form(
        "torch.broadcast_to, Tensor.broadcast_to(input: Tensor, size: shape) -> Tensor",
        "jnp.broadcast_to({input}, {size})",
    ),
    Form(
        "torch.broadcast_tensors(*tensors: Tensor) -> list[Tensor]",
        "jnp.broadcast_arrays({*tensors})",
    ),
    Form("torch.broadcast_shapes(*shapes: shape) -> shape", "jnp.broadcast_shapes({*shapes})"),
    Form("Tensor.repeat(input: Tensor, *repeats: int) -> Tensor", "jnp.tile({input}, {repeats})"),
    Form("torch.tile(input: Tensor, dims: shape) -> Tensor", "jnp.tile({input}, {dims})"),
    Form("Tensor.tile(input: Tensor, *dims: int) -> Tensor", "jnp.tile({input}, {dims})"),
    Form(
        "torch.repeat_interleave, Tensor.repeat_interleave(input: Tensor, repeats: any, "
        "dim: int | None = None, *, output_size: int | None = None) -> Tensor",
        "jnp.repeat({input}, {repeats}, axis={dim?}, total_repeat_length={output_size?})",
    ),
    Form(
        "torch.meshgrid(tensors: list[Tensor], *, indexing: str = 'ij') -> list[Tensor]",
        "jnp.meshgrid(*{tensors}, indexing={indexing})",
    ),
    Form(
        "torch.meshgrid(*tensors: Tensor, indexing: str = 'ij') -> list[Tensor]",
        "jnp.meshgrid({*tensors}, indexing={indexing})",
    ),
    Form("torch.cartesian_prod(*tensors: Tensor) -> Tensor", "@cartesian_prod({*tensors})"),
    # Triangles and diagonals
    *(
        Form(
            f"torch.{name}, Tensor.{name}, Tensor.{name}_(input: Tensor, diagonal: int = 0) "
            "-> Tensor",
            f"jnp.{name}({{input}}, {{diagonal?}})",
        )
        for name in ("tril", "triu")
    ),
    Form(
        "torch.diag, Tensor.diag(input: Tensor, diagonal: int = 0) -> Tensor",
        "jnp.diag({input}, {diagonal?})",
    ),
    Form(
        "torch.diagonal, Tensor.diagonal"
        "(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor",
        "jnp.diagonal({input}, offset={offset?}, axis1={dim1?}, axis2={dim2?})",
    ),
    Form(
        "torch.diagflat, Tensor.diagflat(input: Tensor, offset: int = 0) -> Tensor",
        "jnp.diagflat({input}, {offset?})",
    ),
    Form("torch.diag_embed, Tensor.diag_embed(input: Tensor) -> Tensor", "@diag_embed({input})"),
)
