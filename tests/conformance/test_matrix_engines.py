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
