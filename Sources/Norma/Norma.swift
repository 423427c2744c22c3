@_exported import Convolution
@_exported import NormaData
@_exported import NormaFiles
@_exported import NormaGraph
@_exported import NormaLayers
@_exported import NormaTensor
@_exported import NormaTraining
@_exported import Normalization
