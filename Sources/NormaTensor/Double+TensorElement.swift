import RealModule

extension Double: TensorElement {}
