"""The conformance kit on matrix engines made so small that little layers fill them."""

from __future__ import annotations

from accelsim.testing import AcceleratorConformance


class SystolicSmall(AcceleratorConformance):
    """Whole cycles: SCALE-Sim's uncounted one would break the law that a batch of rows is never slower."""

    monotonic_in_size = False  # a wider array takes longer to fill and to drain


SMALL = ("accelerator.rows=4", "accelerator.columns=3", "accelerator.scalesim_compat=false")


class TestSmallOutputsStay(SystolicSmall):
    hardware = "systolic_os"
    settings = SMALL


class TestSmallWeightsStay(SystolicSmall):
    hardware = "systolic_ws"
    settings = (*SMALL, "accelerator.overlap=true", "accelerator.pe_width=8")
    batch_repeats_convolutions = False  # with overlap the array is filled and drained once for all of them


class TestSmallInputsStay(SystolicSmall):
    hardware = "systolic_is"
    settings = SMALL


class TestSmallTpu(SystolicSmall):
    hardware = "tpu_v1"
    settings = SMALL
    batch_repeats_convolutions = False  # the images of a batch stream through the same weights


class TestSmallBitFusion(AcceleratorConformance):
    hardware = "bit_fusion"
    settings = ("accelerator.rows=1", "accelerator.columns=3", "batch.size=1")


class TestSmallNvdla(AcceleratorConformance):
    hardware = "nvdla_small"
    settings = ("accelerator.atomic_c=4", "accelerator.atomic_k=3", "accelerator.least_stripe=3", "word_bits=16")


class TestSmallNvdlaWithWinograd(AcceleratorConformance):
    hardware = "nvdla_small"
    settings = ("accelerator.atomic_c=16", "accelerator.atomic_k=2", "accelerator.winograd=true")
    every_product_takes_a_slot = False  # Winograd: 16 multiplications for 36 products


class TestSmallNvdlaBySpreadsheet(AcceleratorConformance):
    hardware = "nvdla_full"
    settings = ("accelerator.atomic_c=4", "accelerator.atomic_k=2", "accelerator.winograd=false")


class SparseTensorCoreSmall(AcceleratorConformance):
    hardware = "sparse_tensor_core"
    batch_repeats_convolutions = False  # the windows of all images of a batch share output tiles and cores


class TestSmallSparseTensorCore(SparseTensorCoreSmall):
    settings = tuple(f"accelerator.{s}" for s in ("cores=3", "m=2", "n=3", "k=4", "multipliers=8"))


class TestSmallSparseTensorCoreOneOfThree(SparseTensorCoreSmall):
    settings = tuple(
        f"accelerator.{s}"
        for s in ("cores=2", "m=3", "n=2", "k=3", "multipliers=null", "kept=1", "group=3", "pattern_per=layer")
    )
    alternatives = {"kept": 3}  # noqa: RUF012


class TestSmallDualSideTensorCore(AcceleratorConformance):
    hardware = "dual_side_tensor_core"
    settings = tuple(
        f"accelerator.{s}"
        for s in ("cores=2", "tile_windows=5", "tile_filters=4", "tile_depth=3", "step_windows=2", "step_filters=3")
    )
    batch_repeats_convolutions = False  # the images of a batch share the cores
