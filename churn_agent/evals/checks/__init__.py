"""Checks of one property each: calibration, stability, faithfulness, abstention, transfer, and the sets themselves."""
