package dev.tallrec.baselines;

/** How a recommender makes one vector of a history. */
public enum Architecture {
  /** Hidasi et al., "Session-based recommendations with recurrent neural networks", 2016. */
  GRU4REC,
  /** Tang and Wang, "Personalized top-N sequential recommendation via ...", WSDM 2018. */
  CASER,
  /** Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018. */
  SASREC
}
