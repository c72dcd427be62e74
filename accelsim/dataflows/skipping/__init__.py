"""Arrays that skip the zeros, or share the repetitions, of one operand or both: bricks, synapses, columns, tables.

`bricks`: activations packed per brick (Cnvlutin). `synapses`: weights packed per filter (Cambricon-X). `columns`:
weights packed per column behind queues of activations (EIE). `tables`: weights grouped by value (UCNN).
`compressed`: both operands packed (Eyeriss v2).
"""
