/// Eight pixels of a row at once.
typealias Octet = SIMD8<Float>

/// A colour picture of 64x64 pixels for soft-edged shapes in a rotated plane.
///
/// Coordinates (u, v) belong to a face: its middle is (0, 0), v points downwards, and the unit is a
/// pixel before scaling. Only +, -, *, / and square roots are used, so every machine paints the
/// same picture.
struct FaceCanvas {
  /// The side in pixels.
  static let side = 64
  /// The octets of a canvas: red, green and blue planes.
  static let capacity = 3 * planeOctets
  private static let rowOctets = side / Octet.scalarCount
  private static let planeOctets = side * rowOctets

  private let planes: UnsafeMutablePointer<Octet>
  private let origin: SIMD2<Float>
  /// The rotation, times the scale, from (u, v) to pixels.
  private let across: SIMD2<Float>
  private let scale: Float

  /// A canvas on memory for `capacity` octets.
  ///
  /// - Parameters:
  ///   - origin: the place of (0, 0), in pixels.
  ///   - scale: pixels of a unit of u and v.
  ///   - tilt: the tangent of the face's rotation angle, clockwise.
  init(
    _ planes: UnsafeMutablePointer<Octet>, origin: SIMD2<Float>, scale: Float, tilt: Float
  ) {
    self.planes = planes
    self.origin = origin
    self.scale = scale
    let length = (1 + tilt * tilt).squareRoot()
    across = SIMD2(scale / length, scale * tilt / length)
  }

  /// A box around a point of the face that contains a shape.
  struct Box {
    var centre: SIMD2<Float>
    var reach: SIMD2<Float>

    /// The box around (u, v), with a reach in each direction.
    init(_ u: Float, _ v: Float, _ reachU: Float, _ reachV: Float) {
      centre = SIMD2(u, v)
      reach = SIMD2(reachU, reachV)
    }

    /// A box that contains the whole picture.
    static let everything = Box(0, 0, 128, 128)
  }

  /// Lays a colour over the picture where `coverage`, of (u, v), is above 0; 1 hides the content.
  @inline(__always)
  func paint(_ box: Box, _ colour: SIMD3<Float>, _ coverage: (Octet, Octet) -> Octet) {
    forEachOctet(in: box) { index, u, v in
      let cover = coverage(u, v)
      for channel in 0..<3 {
        let values = planes + channel * Self.planeOctets + index
        values.pointee += cover * (colour[channel] - values.pointee)
      }
    }
  }

  /// Sets every pixel to a colour; `colour` computes each channel from (u, v).
  @inline(__always)
  func fill(_ colour: (_ channel: Int, Octet, Octet) -> Octet) {
    forEachOctet(in: .everything) { index, u, v in
      for channel in 0..<3 {
        planes[channel * Self.planeOctets + index] = colour(channel, u, v)
      }
    }
  }

  /// Multiplies the picture by `factor`, a function of (u, v).
  @inline(__always)
  func shade(_ box: Box, _ factor: (Octet, Octet) -> Octet) {
    forEachOctet(in: box) { index, u, v in
      let factor = factor(u, v)
      for channel in 0..<3 { planes[channel * Self.planeOctets + index] *= factor }
    }
  }

  /// Multiplies every pixel by a colour.
  func tint(_ colour: SIMD3<Float>) {
    for channel in 0..<3 {
      for index in 0..<Self.planeOctets {
        planes[channel * Self.planeOctets + index] *= colour[channel]
      }
    }
  }

  /// Writes the picture as bytes, `[64, 64, 3]`, values clipped to [0, 1].
  func write(to pixels: UnsafeMutablePointer<UInt8>) {
    for channel in 0..<3 {
      for index in 0..<Self.planeOctets {
        let values = planes[channel * Self.planeOctets + index].clipped
        for place in 0..<Octet.scalarCount {
          pixels[(index * Octet.scalarCount + place) * 3 + channel] = eightBit(values[place])
        }
      }
    }
  }

  /// Calls `body` with the octets that a box touches: their places in a plane, and their (u, v).
  @inline(__always)
  private func forEachOctet(in box: Box, _ body: (Int, Octet, Octet) -> Void) {
    let (cosine, sine) = (across.x, across.y)
    let x = origin.x + cosine * box.centre.x - sine * box.centre.y
    let y = origin.y + sine * box.centre.x + cosine * box.centre.y
    let reachX = abs(cosine) * box.reach.x + abs(sine) * box.reach.y + 1
    let reachY = abs(sine) * box.reach.x + abs(cosine) * box.reach.y + 1
    let rows = Self.clamped(y - reachY, y + reachY)
    let columns = Self.clamped(x - reachX, x + reachX)
    if rows.isEmpty || columns.isEmpty { return }
    let octets =
      columns.lowerBound / Octet.scalarCount...(columns.upperBound - 1) / Octet.scalarCount
    // From pixels back to (u, v): the inverse rotation, divided by the scale.
    let (back, side) = (cosine / (scale * scale), sine / (scale * scale))
    let steps = Octet(0, 1, 2, 3, 4, 5, 6, 7)
    for row in rows {
      let dy = Float(row) + 0.5 - origin.y
      for octet in octets {
        let dx = steps + (Float(octet * Octet.scalarCount) + 0.5 - origin.x)
        body(row * Self.rowOctets + octet, back * dx + side * dy, back * dy - side * dx)
      }
    }
  }

  /// The pixels between two coordinates, including partly covered pixels.
  private static func clamped(_ low: Float, _ high: Float) -> Range<Int> {
    let first = Int(min(max(low, 0), Float(side)))
    let end = Int(min(max(high.rounded(.up), 0), Float(side)))
    return first..<max(first, end)
  }
}

extension Octet {
  /// The values clipped to [0, 1].
  var clipped: Octet { clamped(lowerBound: .zero, upperBound: .one) }

  /// The values; negative values become 0.
  var positive: Octet { clamped(lowerBound: .zero, upperBound: Octet(repeating: 1e9)) }

  /// The absolute values.
  var magnitude: Octet { replacing(with: -self, where: self .< 0) }

  /// The part of a pixel inside an edge at this distance; outside is positive.
  var insideEdge: Octet { (0.5 - self).clipped }
}

/// An ellipse with its axes along u and v.
struct FaceEllipse {
  let u: Float, v: Float, radiusU: Float, radiusV: Float

  /// An ellipse around (u, v).
  init(_ u: Float, _ v: Float, _ radiusU: Float, _ radiusV: Float) {
    self.u = u
    self.v = v
    self.radiusU = radiusU
    self.radiusV = radiusV
  }

  /// A box that contains the ellipse and `margin` around it.
  func box(_ margin: Float = 0) -> FaceCanvas.Box {
    FaceCanvas.Box(u, v, radiusU + margin, radiusV + margin)
  }

  /// The distance of points from the edge, to first order; negative inside.
  @inline(__always)
  func distance(_ u: Octet, _ v: Octet) -> Octet {
    let (a, b) = ((u - self.u) / radiusU, (v - self.v) / radiusV)
    let square = a * a + b * b
    let (slopeA, slopeB) = (a / radiusU, b / radiusV)
    let slope = (slopeA * slopeA + slopeB * slopeB + 1e-6).squareRoot()
    return (square - square.squareRoot()) / slope
  }

  /// 1 inside, 0 outside, with a soft edge of one pixel.
  @inline(__always)
  func coverage(_ u: Octet, _ v: Octet) -> Octet { distance(u, v).insideEdge }

  /// 1 in the middle, decreasing smoothly to 0 at the edge.
  @inline(__always)
  func glow(_ u: Octet, _ v: Octet) -> Octet {
    let (a, b) = ((u - self.u) / radiusU, (v - self.v) / radiusV)
    let rest = (1 - (a * a + b * b)).positive
    return rest * rest
  }
}
