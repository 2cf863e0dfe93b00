"""Training: how is one network trained?

Public: `training.Training`, `compiled.CompiledNetworks` (kept between trainings), `failures` (why one ended),
`keras_state` (reset, and given back to a notebook), `on_tensorflow`.
"""
