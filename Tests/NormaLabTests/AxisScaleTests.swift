import Foundation
import NormaLab
import Testing

@Suite struct AxisScaleTests {
  @Test func linearTicksAreRoundAndCoverTheValues() {
    let scale = AxisScale(covering: [0.13, 0.97], format: .percentage)
    #expect(scale.ticks.map(\.label) == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"])
    #expect(scale.ticks.map(\.value) == [0, 0.2, 0.4, 0.6, 0.8, 1])
    #expect(AxisScale(covering: [-3, 12]).ticks.map(\.label) == ["−5", "0", "5", "10", "15"])
    #expect(AxisScale(covering: [0, 10], tickCount: 10).ticks.map(\.label) == (0...10).map(String.init))
    #expect(AxisScale(covering: [0.712, 0.747]).ticks.map(\.label) == ["0.71", "0.72", "0.73", "0.74", "0.75"])
    #expect(AxisScale(covering: [0, 52_610]).ticks.map(\.label).last == "60,000")
  }

  @Test func wholeNumbersEndWhereTheDataEnds() {
    let scale = AxisScale(covering: [0, 1, 2, 3], integersOnly: true)
    #expect(scale.ticks.map(\.label) == ["0", "1", "2", "3"])
    let steps = AxisScale(covering: [1, 290], integersOnly: true)
    #expect((steps.lower, steps.upper) == (1, 290))
    #expect(steps.ticks.map(\.label) == ["50", "100", "150", "200", "250"])
    #expect(AxisScale(covering: [1003], integersOnly: true).ticks.map(\.label) == ["1,003", "1,004"])
  }

  @Test func logarithmicTicksArePowersOfTen() {
    let scale = AxisScale(covering: [0.0008, 2.3], kind: .logarithmic)
    #expect(scale.ticks.map(\.label) == ["0.001", "0.01", "0.1", "1"])
    #expect((scale.lower, scale.upper) == (0.0005, 5))
    let narrow = AxisScale(covering: [0.3, 1.7], kind: .logarithmic)
    #expect(narrow.ticks.map(\.label) == ["0.2", "0.5", "1", "2"])
    let wide = AxisScale(covering: [1e-12, 1], kind: .logarithmic, tickCount: 4)
    #expect(wide.ticks.map(\.label) == ["10⁻¹²", "10⁻⁹", "10⁻⁶", "0.001", "1"])
  }

  @Test(arguments: [AxisScale.Kind.linear, .logarithmic]) func positionsRunFromZeroToOneInOrder(kind: AxisScale.Kind)
    throws
  {
    let values = [0.02, 0.5, 3, 700, 1e5]
    let scale = AxisScale(covering: values, kind: kind)
    let positions = try values.map { try #require(scale.position(of: $0)) }
    #expect(positions == positions.sorted())
    #expect(positions.allSatisfy { (0...1).contains($0) })
    #expect(scale.position(of: scale.lower) == 0)
    #expect(scale.position(of: scale.upper) == 1)
  }

  @Test(arguments: [AxisScale.Kind.linear, .logarithmic]) func whatHasNoPlaceIsLeftOut(kind: AxisScale.Kind) {
    let clean = AxisScale(covering: [1, 5], kind: kind)
    #expect(AxisScale(covering: [1, .nan, .infinity, -.infinity, 5, 1e300], kind: kind) == clean)
    #expect(clean.position(of: .nan) == nil)
    #expect(clean.position(of: .infinity) == nil)
    #expect(AxisScale(covering: [.nan], kind: kind) == AxisScale(covering: [Double](), kind: kind))
    #expect(AxisScale(covering: [0, -1, 1, 5], kind: .logarithmic) == AxisScale(covering: [1, 5], kind: .logarithmic))
    #expect(AxisScale(covering: [1], kind: .logarithmic).position(of: 0) == nil)
  }

  @Test(arguments: [0, 1, -1, 0.25, 1e-300, -1e280, 1e12, .pi])
  func oneValueAloneLiesInsideItsAxis(value: Double) throws {
    for kind in [AxisScale.Kind.linear, .logarithmic] where kind == .linear || value > 1e-290 {
      let scale = AxisScale(covering: [value, value], kind: kind)
      let position = try #require(scale.position(of: value))
      #expect((0...1).contains(position))
      #expect(scale.ticks.count >= 2)
    }
  }

  @Test func aShadeIsFoundForEveryValueThatHasAPlace() {
    let scale = HeatScale(covering: [1e-6, 1e-3, 1, .nan, 0], kind: .logarithmic)
    #expect(scale.step(of: 1e-6) == 0)
    #expect(scale.step(of: 1e-3) == 4)
    #expect(scale.step(of: 1) == 8)
    #expect(scale.step(of: 0) == nil)
    #expect(scale.step(of: .infinity) == nil)
    #expect(HeatScale(covering: [2, 2]).step(of: 2) == 4)
    #expect(HeatScale(covering: []).step(of: 2) == nil)
    #expect(HeatScale(covering: [-1e308, 1e308]).step(of: 0) == 4)
  }
}
