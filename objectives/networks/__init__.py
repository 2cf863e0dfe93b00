"""Networks: how is a recipe's network built?

Public: `registry.build` (register a network of your own), `assemble.assemble`, `augmentation`,
`transfer` and `head`.
"""
