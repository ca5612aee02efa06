"""A reasoner's segment outside of this project: as a torch.export program, as ONNX, as plain weights. Extra ``export`` for ONNX."""
