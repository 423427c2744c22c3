@_exported import NormaConvolution
@_exported import NormaData
@_exported import NormaFiles
@_exported import NormaGraph
@_exported import NormaLayers
@_exported import NormaNormalization
@_exported import NormaTensor
@_exported import NormaTraining
