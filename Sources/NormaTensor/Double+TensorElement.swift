extension Double: TensorElement {}
