/// The appearance of one synthetic face.
struct FaceTraits {
  /// The number of draws from U[0, 1) for a face.
  static let drawCount = 104

  /// The attributes, in CelebA's order and spelling.
  static let attributeNames = [
    "Bald", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Eyeglasses", "Gray_Hair",
    "Mouth_Slightly_Open", "No_Beard", "Pale_Skin", "Smiling", "Wearing_Hat",
  ]

  /// The style of the hair.
  enum HairStyle { case none, short, medium, long }

  /// The colour of the hair.
  enum HairColour { case black, brown, blond, grey, red }

  // Pose: the place of the face in the picture, and its direction.
  private(set) var origin = SIMD2<Float>(32, 33)
  private(set) var scale: Float = 1
  private(set) var tilt: Float = 0
  private(set) var yaw: Float = 0
  private(set) var pitch: Float = 0
  // Head.
  private(set) var width: Float = 15.5
  private(set) var height: Float = 20
  private(set) var jaw: Float = 0.2
  private(set) var skin = SIMD3<Float>(repeating: 0)
  private(set) var paleness: Float = 0
  private(set) var blush: Float = 0
  // Hair.
  private(set) var hairStyle = HairStyle.short
  private(set) var hairName = HairColour.brown
  private(set) var hair = SIMD3<Float>(repeating: 0)
  private(set) var hairline: Float = 0
  private(set) var parting: Float = 0
  private(set) var volume: Float = 0
  private(set) var hasBangs = false
  private(set) var beard: Float = 0
  private(set) var moustache: Float = 0
  // Eyes, nose and mouth.
  private(set) var eyeSpacing: Float = 6.6
  private(set) var eyeWidth: Float = 3
  private(set) var eyeOpening: Float = 1.6
  private(set) var gaze = SIMD2<Float>(0, 0)
  private(set) var iris = SIMD3<Float>(repeating: 0)
  private(set) var browHeight: Float = 0
  private(set) var browSlope: Float = 0
  private(set) var browThickness: Float = 0
  private(set) var noseLength: Float = 0
  private(set) var noseWidth: Float = 0
  private(set) var mouthWidth: Float = 0
  private(set) var smile: Float = 0
  private(set) var mouthOpening: Float = 0
  private(set) var lipThickness: Float = 0
  private(set) var lips = SIMD3<Float>(repeating: 0)
  // Worn objects, light and background.
  private(set) var glasses: SIMD3<Float>?
  private(set) var hat: SIMD3<Float>?
  private(set) var clothes = SIMD3<Float>(repeating: 0)
  private(set) var light = SIMD2<Float>(0, 0)
  private(set) var exposure = SIMD3<Float>(repeating: 1)
  private(set) var backgrounds: [SIMD3<Float>] = []
  private(set) var slope = SIMD2<Float>(0, 0)
  private(set) var spots: [FaceEllipse] = []

  /// The traits from `drawCount` draws.
  init(_ uniform: UnsafeBufferPointer<Float>) {
    var dice = Dice(uniform)
    drawPose(&dice)
    drawSkin(&dice)
    drawHair(&dice)
    drawFeatures(&dice)
    drawSurroundings(&dice)
  }

  /// Whether the face has each attribute of `attributeNames`.
  var attributes: [Bool] {
    let showsHair = hairStyle != .none
    return [
      !showsHair, hasBangs, showsHair && hairName == .black, showsHair && hairName == .blond,
      showsHair && hairName == .brown, glasses != nil, showsHair && hairName == .grey,
      mouthOpening > 0.6, beard < 0.2, paleness > 0.85, smile > 0.45, hat != nil,
    ]
  }

  private mutating func drawPose(_ dice: inout Dice) {
    origin = SIMD2(dice.within(30, 34), dice.within(31, 35))
    scale = dice.within(0.9, 1.1)
    tilt = dice.centred(0.16)
    yaw = dice.centred(1)
    pitch = dice.centred(1)
    width = dice.within(14, 17)
    height = dice.within(18.5, 21.5)
    jaw = dice.within(0.08, 0.34)
  }

  private mutating func drawSkin(_ dice: inout Dice) {
    paleness = dice.next()
    let tones: [SIMD3<Float>] = [
      [0.27, 0.17, 0.12], [0.55, 0.37, 0.26], [0.80, 0.58, 0.45], [0.95, 0.81, 0.73],
    ]
    let place = paleness * 2.999
    let tone = Int(place)
    let warmth = dice.centred(0.035)
    skin = tones[tone] + (place - Float(tone)) * (tones[tone + 1] - tones[tone])
    skin += SIMD3(warmth, 0, -warmth)
    blush = dice.within(0, 0.3)
  }

  private mutating func drawHair(_ dice: inout Dice) {
    let kind = dice.next()
    hairStyle = kind < 0.06 ? .none : kind < 0.45 ? .short : kind < 0.7 ? .medium : .long
    // Dark skin mostly has black hair.
    let colour = dice.next() * (paleness < 0.35 ? 0.55 : 1)
    let shade = dice.next()
    switch colour {
    case ..<0.36: (hairName, hair) = (.black, [0.06, 0.05, 0.05] + shade * [0.08, 0.06, 0.05])
    case ..<0.66: (hairName, hair) = (.brown, [0.22, 0.13, 0.08] + shade * [0.22, 0.15, 0.09])
    case ..<0.84: (hairName, hair) = (.blond, [0.66, 0.50, 0.28] + shade * [0.24, 0.26, 0.26])
    case ..<0.94: (hairName, hair) = (.grey, [0.48, 0.48, 0.49] + shade * [0.36, 0.36, 0.36])
    default: (hairName, hair) = (.red, [0.48, 0.20, 0.09] + shade * [0.22, 0.12, 0.06])
    }
    hairline = dice.within(-15, -11)
    parting = dice.centred(9)
    volume = dice.within(0, 2.6)
    hasBangs = dice.next() < 0.3 && hairStyle != .none
    let (grows, growth, upper) = (dice.next(), dice.next(), dice.next())
    if grows < 0.3 && hairStyle != .long {
      beard = 0.25 + 0.65 * growth
      moustache = upper < 0.7 ? beard : 0
    } else if grows > 0.94 && hairStyle != .long {
      moustache = 0.8
    }
  }

  private mutating func drawFeatures(_ dice: inout Dice) {
    eyeSpacing = dice.within(5.9, 7.4)
    eyeWidth = dice.within(2.5, 3.5)
    eyeOpening = dice.within(0.9, 2)
    gaze = SIMD2(dice.centred(0.8), dice.centred(0.4))
    let colours: [SIMD3<Float>] = [
      [0.20, 0.11, 0.06], [0.38, 0.24, 0.12], [0.25, 0.42, 0.62], [0.30, 0.45, 0.28],
      [0.42, 0.46, 0.50],
    ]
    let choice = dice.next() * (paleness < 0.35 ? 2 : 5)
    iris = colours[min(Int(choice), 4)] * dice.within(0.8, 1.2)
    browHeight = dice.within(4, 5.6)
    browSlope = dice.centred(0.25)
    browThickness = dice.within(0.5, 1.2)
    noseLength = dice.within(6, 8.5)
    noseWidth = dice.within(2.1, 3.4)
    mouthWidth = dice.within(4.6, 7)
    smile = dice.within(-0.45, 1.2)
    mouthOpening = max(0, dice.within(-1.6, 2.2))
    lipThickness = dice.within(0.7, 1.5)
    let (red, lipstick) = (dice.within(0.1, 0.5), dice.next())
    let rouge: SIMD3<Float> = lipstick < 0.2 ? [0.72, 0.06, 0.16] : [0.70, 0.32, 0.30]
    lips = skin + (rouge - skin) * (lipstick < 0.2 ? 0.8 : 0.35 + red)
  }

  private mutating func drawSurroundings(_ dice: inout Dice) {
    let (wearsGlasses, frame) = (dice.next(), dice.colour())
    glasses = wearsGlasses < 0.16 ? frame * 0.5 : nil
    let (wearsHat, felt) = (dice.next(), dice.colour())
    hat = wearsHat < 0.08 ? felt : nil
    clothes = dice.colour()
    light = SIMD2(dice.centred(0.32), dice.centred(0.2))
    let (brightness, warmth) = (dice.within(0.78, 1.14), dice.centred(0.06))
    exposure = SIMD3(1 + warmth, 1, 1 - warmth) * brightness
    backgrounds = [dice.colour(), dice.colour(), dice.colour(), dice.colour()]
    slope = SIMD2(dice.centred(0.02), dice.centred(0.02))
    for _ in 0..<2 {
      let (u, v) = (dice.centred(34), dice.centred(34))
      spots.append(FaceEllipse(u, v, dice.within(8, 24), dice.within(8, 24)))
    }
    precondition(dice.used <= Self.drawCount, "\(dice.used) draws for a face")
  }
}

/// A sequence of draws, used in order.
private struct Dice {
  private let uniform: UnsafeBufferPointer<Float>
  private(set) var used = 0

  init(_ uniform: UnsafeBufferPointer<Float>) { self.uniform = uniform }

  /// The next draw from U[0, 1).
  mutating func next() -> Float {
    used += 1
    return uniform[used - 1]
  }

  /// Uniform between two numbers.
  mutating func within(_ low: Float, _ high: Float) -> Float { low + next() * (high - low) }

  /// A draw around 0; values near 0 are more likely: the mean of two uniform draws within the
  /// reach.
  mutating func centred(_ reach: Float) -> Float { (next() + next() - 1) * reach }

  /// A colour; pale and dark colours are more likely than saturated colours.
  mutating func colour() -> SIMD3<Float> {
    let grey = next()
    return 0.5 * SIMD3(next(), next(), next()) + 0.5 * grey
  }
}
