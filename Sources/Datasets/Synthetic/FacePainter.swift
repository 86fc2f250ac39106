/// Paints a face from back to front.
struct FacePainter {
  let traits: FaceTraits
  let canvas: FaceCanvas

  /// Paints the whole picture.
  func paint() {
    paintBackground()
    paintHairBehind()
    paintBody()
    paintHead()
    paintEyes()
    paintNose()
    paintBeard()
    paintMouth()
    paintHairInFront()
    paintGlasses()
    paintHat()
    light()
  }

  /// The place of a feature after the head turns; (u, v) is its place in a front view.
  private func turned(_ u: Float, _ v: Float) -> SIMD2<Float> {
    let narrowing = 1 - 0.1 * abs(traits.yaw)
    return SIMD2(u * narrowing + 3 * traits.yaw, v + 1.6 * traits.pitch)
  }

  /// The head without hair and jaw.
  private var skull: FaceEllipse { FaceEllipse(0, 0, traits.width, traits.height) }

  /// The distance of points from the edge of the head, jaw included; negative inside.
  @inline(__always)
  private func headDistance(_ u: Octet, _ v: Octet) -> Octet {
    let below = (v / traits.height).positive
    return skull.distance(u / (1 - traits.jaw * (below * below).clipped), v)
  }

  private func paintBackground() {
    let colours = traits.backgrounds
    canvas.fill { channel, u, v in
      let mix = (0.5 + traits.slope.x * u + traits.slope.y * v).clipped
      return colours[0][channel] + mix * (colours[1][channel] - colours[0][channel])
    }
    for (spot, colour) in zip(traits.spots, colours[2...]) {
      canvas.paint(spot.box(), colour) { u, v in 0.7 * spot.glow(u, v) }
    }
  }

  private func paintHairBehind() {
    let (width, height, volume) = (traits.width, traits.height, traits.volume)
    let shape: FaceEllipse
    switch traits.hairStyle {
    case .none: return
    case .short: shape = FaceEllipse(0, -4, width + 0.8 + 0.4 * volume, height - 2 + 0.5 * volume)
    case .medium: shape = FaceEllipse(0, -1, width + 2.5 + volume, height + 1 + volume)
    case .long: shape = FaceEllipse(0, 6, width + 3.5 + volume, height + 9 + volume)
    }
    canvas.paint(shape.box(1), traits.hair * 0.8, shape.coverage)
  }

  private func paintBody() {
    let shoulders = FaceEllipse(0, 43, 28, 19)
    canvas.paint(shoulders.box(1), traits.clothes, shoulders.coverage)
    let neck = FaceEllipse(0, 20, traits.width * 0.52, 10)
    canvas.paint(neck.box(1), traits.skin * 0.78, neck.coverage)
  }

  private func paintHead() {
    if traits.hairStyle == .none || traits.hairStyle == .short {
      for side in [Float(-1), 1] {
        let ear = FaceEllipse(side * traits.width + traits.yaw, 0.5 + traits.pitch, 2.2, 4.2)
        canvas.paint(ear.box(1), traits.skin * 0.86, ear.coverage)
      }
    }
    canvas.paint(skull.box(1), traits.skin) { u, v in headDistance(u, v).insideEdge }
    // Darker towards the edge, so the head looks round.
    canvas.shade(skull.box(1)) { u, v in
      let inside = headDistance(u, v).insideEdge
      let (a, b) = (u / traits.width, v / traits.height)
      return 1 - 0.24 * inside * (a * a + b * b).clipped
    }
    for side in [Float(-1), 1] {
      let place = turned(side * 8, 6)
      let cheek = FaceEllipse(place.x, place.y, 6, 5)
      canvas.paint(cheek.box(), [0.85, 0.35, 0.33]) { u, v in traits.blush * cheek.glow(u, v) }
    }
  }

  private func paintEyes() {
    let opening = traits.eyeOpening
    for side in [Float(-1), 1] {
      let place = turned(side * traits.eyeSpacing, -2.5)
      let socket = FaceEllipse(place.x, place.y - 0.6, traits.eyeWidth + 2, opening + 2.4)
      canvas.shade(socket.box()) { u, v in 1 - 0.3 * socket.glow(u, v) }
      let eye = FaceEllipse(place.x, place.y, traits.eyeWidth, opening)
      canvas.paint(eye.box(1), [0.93, 0.92, 0.90], eye.coverage)
      let (x, y) = (place.x + traits.gaze.x + 0.5 * traits.yaw, place.y + traits.gaze.y)
      for (radius, colour) in [(Float(1.5), traits.iris), (0.75, [0.03, 0.03, 0.03])] {
        let disc = FaceEllipse(x, y, radius, radius)
        canvas.paint(disc.box(1), colour) { u, v in disc.coverage(u, v) * eye.coverage(u, v) }
      }
      let glint = FaceEllipse(x - 0.6 - traits.light.x, y - 0.6, 0.75, 0.75)
      canvas.paint(glint.box(1), [1, 1, 1]) { u, v in 0.8 * glint.glow(u, v) }
      // The upper lid: the upper part of the eye's edge.
      canvas.paint(eye.box(1.5), traits.skin * 0.3) { u, v in
        (eye.distance(u, v).magnitude - 0.2).insideEdge * (0.3 - (v - place.y)).clipped
      }
      paintBrow(above: place, side: side)
    }
  }

  private func paintBrow(above eye: SIMD2<Float>, side: Float) {
    let colour = traits.hairStyle == .none ? traits.skin * 0.45 : traits.hair * 0.75
    let (reach, thickness) = (traits.eyeWidth + 1, traits.browThickness)
    let top = eye.y - traits.browHeight
    let box = FaceCanvas.Box(eye.x, top, reach + 1, 3)
    canvas.paint(box, colour) { u, v in
      let along = (u - eye.x) / reach
      let arch = top + 0.9 * along * along + traits.browSlope * side * (u - eye.x)
      let half = thickness * (1 - along * along).positive
      return 0.85 * ((v - arch).magnitude - half).insideEdge * (half * 4).clipped
    }
  }

  private func paintNose() {
    let tip = turned(0, -1 + traits.noseLength) + SIMD2(1.2 * traits.yaw, 0)
    let root = turned(0, -3)
    // The side away from the light is in shadow.
    let side: Float = traits.light.x > 0 ? -1 : 1
    let bridge = FaceEllipse(
      (root.x + tip.x) / 2 + side * 1.6, (root.y + tip.y) / 2, 2.2, traits.noseLength * 0.7)
    canvas.shade(bridge.box()) { u, v in 1 - 0.25 * bridge.glow(u, v) }
    let ball = FaceEllipse(tip.x, tip.y, traits.noseWidth + 1.2, 2.6)
    canvas.shade(ball.box()) { u, v in 1 + 0.12 * ball.glow(u, v) }
    for side in [Float(-1), 1] {
      let nostril = FaceEllipse(tip.x + side * traits.noseWidth * 0.6, tip.y + 1.5, 1.3, 0.9)
      canvas.shade(nostril.box()) { u, v in 1 - 0.65 * nostril.glow(u, v) }
    }
  }

  /// The middle of the mouth.
  private var mouth: SIMD2<Float> { turned(0, 5.2 + 0.8 * traits.noseLength) }

  private func paintBeard() {
    let mouth = mouth
    if traits.beard > 0 {
      let lower = FaceEllipse(0, 0, traits.width + 1, traits.height + 1.5)
      canvas.paint(lower.box(1), traits.hair * 0.9) { u, v in
        let below = ((v - mouth.y + 5 - 0.045 * u * u) * 0.35).clipped
        let gap = FaceEllipse(mouth.x, mouth.y, traits.mouthWidth * 0.8, 2.6).glow(u, v)
        return traits.beard * below * (headDistance(u, v) - 1).insideEdge * (1 - gap)
      }
    }
    if traits.moustache > 0 {
      let shape = FaceEllipse(mouth.x, mouth.y - 2.9, traits.mouthWidth * 0.95, 1.5)
      canvas.paint(shape.box(1), traits.hair * 0.9) { u, v in
        traits.moustache * shape.coverage(u, v)
      }
    }
  }

  private func paintMouth() {
    let (mouth, width) = (mouth, traits.mouthWidth)
    let (opening, lip) = (traits.mouthOpening, traits.lipThickness)
    let box = FaceCanvas.Box(mouth.x, mouth.y - traits.smile, width + 1, opening + lip + 4)
    // The thickness falls to nothing at the corners of the mouth; a smile lifts the corners.
    func paint(_ colour: SIMD3<Float>, half: Float, shift: Float, strength: Float) {
      canvas.paint(box, colour) { u, v in
        let along = (u - mouth.x) / width
        let rest = (1 - along * along).positive
        let middle = mouth.y + shift * rest - 2.4 * traits.smile * along * along
        return strength * ((v - middle).magnitude - half * rest).insideEdge * (rest * 5).clipped
      }
    }
    paint(traits.lips, half: lip + opening, shift: 0, strength: 0.9)
    if opening > 0.25 {
      paint([0.22, 0.05, 0.06], half: opening, shift: 0, strength: 1)
      paint([0.94, 0.93, 0.89], half: opening * 0.45, shift: -opening * 0.45, strength: 0.95)
    } else {
      paint(traits.lips * 0.5, half: 0.1, shift: 0, strength: 0.7)
    }
  }

  private func paintHairInFront() {
    guard traits.hairStyle != .none else { return }
    let cap = FaceEllipse(
      0, -2.5, traits.width + 1 + 0.5 * traits.volume, traits.height - 0.5 + 0.8 * traits.volume)
    let falls = traits.hairStyle != .short
    canvas.paint(cap.box(1), traits.hair) { u, v in
      let fromPart = u - traits.parting
      var line = traits.hairline + 0.028 * fromPart * fromPart + traits.pitch
      if traits.hasBangs { line += 5 - 0.02 * fromPart * fromPart }
      let top = ((line - v) * 0.8 + 0.5).clipped
      // Falling hair covers the sides of the face as well.
      let edge = u.magnitude - (traits.width - 2.6)
      let sides = falls ? ((edge + 0.5).clipped * (12 - v).clipped) : .zero
      return cap.coverage(u, v) * pointwiseMax(top, sides)
    }
    let sheen = FaceEllipse(-8 * traits.light.x, -17, 11, 5)
    canvas.shade(sheen.box()) { u, v in 1 + 0.3 * sheen.glow(u, v) }
  }

  private func paintGlasses() {
    guard let colour = traits.glasses else { return }
    let (left, right) = (turned(-traits.eyeSpacing, -2.2), turned(traits.eyeSpacing, -2.2))
    for place in [left, right] {
      let lens = FaceEllipse(place.x, place.y, 4.9, 4.1)
      canvas.paint(lens.box(2), colour) { u, v in
        0.95 * (lens.distance(u, v).magnitude - 0.25).insideEdge
      }
    }
    let middle = (left + right) / 2
    let half = (right.x - left.x) / 2
    let bar = FaceCanvas.Box(middle.x, middle.y - 1, traits.width, 1.5)
    canvas.paint(bar, colour) { u, v in
      // The bridge between the lenses, and the arms to the temples.
      let fromLens = ((u - middle.x).magnitude - half).magnitude - 4.9
      return 0.9 * (fromLens + 0.5).clipped * ((v - middle.y + 1).magnitude - 0.3).insideEdge
        * (headDistance(u, v)).insideEdge
    }
  }

  private func paintHat() {
    guard let colour = traits.hat else { return }
    let crown = FaceEllipse(0, -11, traits.width + 2.2, traits.height * 0.75)
    let rim = traits.hairline + 2.5 + traits.pitch
    canvas.paint(crown.box(1), colour) { u, v in
      crown.coverage(u, v) * (rim - v + 0.5).clipped
    }
    let brim = FaceEllipse(2 * traits.yaw, rim, traits.width + 5, 1.9)
    canvas.paint(brim.box(1), colour * 0.7, brim.coverage)
  }

  /// Adds light from one side and the exposure of the whole picture.
  private func light() {
    canvas.shade(.everything) { u, v in
      1 + (traits.light.x * u + traits.light.y * v) * 0.03
    }
    canvas.tint(traits.exposure)
  }
}
