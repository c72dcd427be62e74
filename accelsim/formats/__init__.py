"""Number formats: floating-point and block-scaled codes; how they are encoded, decoded and split. NumPy alone.

`element` holds the layouts, `catalogue` the formats that a workload can name, `encode` the rounding, `split` sign,
exponent and significand of every bit pattern, `blocks` the shared scales, `patterns` a tensor in a format.

An integer multiplier inside a floating-point unit multiplies significands. So the integer that analyses and machines
take for a value is its signed significand as a whole number, with the hidden bit of a normal number and without one
for a subnormal (the element itself for INT8). It is 0 exactly where the value is 0. Exponents are analysed apart.
"""
