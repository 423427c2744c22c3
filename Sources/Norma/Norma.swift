@_exported import NormaTensor
@_exported import Normalization
@_exported import NormaGraph
@_exported import NormaLayers
@_exported import NormaTraining
@_exported import NormaData
@_exported import NormaFiles
