# French, by hand; the ids are those of locales/en.

# severities, efforts, decisions
words-high = grave
words-medium = moyen
words-low = faible
words-edit = modifier le code ou un réglage
words-retrain = réentraîner
words-prepare = préparer à nouveau les données
words-collect = collecter des données
words-immediate = immédiat
words-soon = bientôt
words-monitor = à surveiller
words-none = aucun
words-fine-tune = ajustement fin
words-full-retrain = réentraînement complet
words-data-augmentation = augmentation des données
words-architecture-change = changement d'architecture
words-ensemble = ensemble de modèles
words-healthy = en bon état
words-at-risk = à risque
words-critical = en état critique
words-feature-drift = dérive d'une variable
words-label-drift = dérive de l'étiquette
words-concept-drift = dérive de concept
words-data-break = défaut des données
words-metric-decline = baisse d'une métrique
words-health = état
words-data = données
words-training = entraînement
words-checkpoint = point de sauvegarde
words-checks = contrôles

# counts
words-1-finding = 1 constat
words-x-findings = { $n ->
    [one] { $n } constat
   *[other] { $n } constats
}
words-x-high = { $n ->
    [one] { $n } grave
   *[other] { $n } graves
}
words-x-medium = { $n ->
    [one] { $n } moyen
   *[other] { $n } moyens
}
words-x-low = { $n ->
    [one] { $n } faible
   *[other] { $n } faibles
}
words-1-high = 1 grave
words-1-medium = 1 moyen
words-1-low = 1 faible
words-and-x-more = et { $n } de plus
words-x-rows = { $n ->
    [one] { $n } ligne
   *[other] { $n } lignes
}
words-x-steps = { $n } pas
words-x-epochs = { $n ->
    [one] { $n } époque
   *[other] { $n } époques
}
words-x-columns = { $n ->
    [one] { $n } colonne
   *[other] { $n } colonnes
}
words-x-values = { $n ->
    [one] { $n } valeur
   *[other] { $n } valeurs
}
words-row-x = ligne { $n }
words-epoch-x = époque { $n }
words-step-x = pas { $n }
words-epoch-x-step-x = époque { $epoch }, pas { $step }

# units
words-share = part
words-values = valeurs
words-rows = lignes
words-bytes = octets
words-pairs = paires
words-train-standard-deviations = écarts-types de train
words-seconds = secondes
words-tensors = tenseurs
words-steps = pas
words-spellings = graphies
words-share-of-values = part des valeurs
words-share-of-epochs = part des époques
words-places = endroits
words-per-epoch = par époque
words-epochs = époques
words-epoch = époque
words-directions = directions
words-columns = colonnes
words-channels = canaux
words-cells = cellules
words-units = neurones
words-tail-standard-deviations = écarts-types de la queue
words-standard-deviations = écarts-types
words-spikes = pics
words-share-of-windows = part des fenêtres
words-share-of-units = part des neurones
words-share-of-the-run = part de l'entraînement
words-share-of-outputs = part des sorties
words-share-of-logged-steps = part des pas journalisés
words-share-of-logged-rates = part des taux journalisés
words-rows-per-column = lignes par colonne
words-round = itération
words-rounds = itérations
words-roles = rôles
words-pixels = pixels
words-parameters = paramètres
words-nat = nat
words-names = noms
words-matrices = matrices
words-loss = perte
words-layers = couches
words-gaps = intervalles
words-elements = éléments
words-columns-per-row = colonnes par ligne
words-classes = classes

# kinds of column
words-number = nombre
words-category = catégorie
words-text = texte
words-date = date
words-boolean = booléen
words-empty = vide
words-label = étiquette

# symptoms and short phrases
words-explodes = explose
words-becomes-nan = devient NaN
words-swings = oscille
words-kills-its-units = tue ses neurones
words-learns-nothing = n'apprend rien
words-infinite = infini
words-missing = manquantes
words-a-column = une colonne
words-needs-x = nécessite { $what }
words-x-moved = `{ $name }` a dérivé
words-first-x = D'abord : { $text }
words-measured-x = Mesuré : { $text }
words-retraining-x = Réentraînement : { $text }
words-x-is-x-of-10 = { $what } : { $score } sur 10
words-deepchecks-x-failed = Deepchecks : { $what } a échoué
words-deepchecks-x-warns = Deepchecks : { $what } a émis un avertissement
words-x-fails = { $what } échoue
words-fails-x = ne satisfait pas { $what }
words-reaches-x = atteint { $value }
words-expected-x = attendu : { $what }
words-entry-x = entrée { $n }
words-x-sentences-have-no-form-in-this-language-and-stay-english = { $n ->
    [one] { $n } phrase n'a pas de forme française et reste en anglais
   *[other] { $n } phrases n'ont pas de forme française et restent en anglais
}

# more short phrases
words-inputs = entrées
words-called = appelé
words-a-function = une fonction
words-a-folder = un dossier
words-line-x = ligne { $n }
words-categories = catégories
words-a-category = une catégorie
words-a-class = une classe
words-column = la colonne
words-numbers = nombres
words-dates = dates
words-all = tout
words-not-finite = non finis
words-only-in-the-checkpoint-x = seulement dans le point de sauvegarde : { $names }
words-x-by-x = { $name } de { $n } %
words-drop-x = supprimer `{ $name }`
words-a-checkpoint = un point de sauvegarde
words-tensor-x-x = tenseur { $name } : { $problem }
words-operator-x = opérateur { $name }
words-of-x-x = sur { $looked } : { $names }
words-great-expectations = Great Expectations
words-x-values-of-x = { $n ->
    [one] { $n } valeur
   *[other] { $n } valeurs
} de { $name }
words-x-cannot-be-read-x = { $kind } : lecture impossible ({ $name })
words-x-is-incomplete-x = { $kind } : fichier incomplet ({ $name })
words-pickle-offset-x-x = octet { $n } du pickle : { $problem }

# phrases that proofreading missed
words-identifier-x = identifiant `{ $name }`
words-x-boxes = { $n } boîtes
words-empty-cell = (vide)
words-partly-looked-at = examiné en partie
words-not-looked-at = non examiné
words-numeric = numérique
words-time = date
words-nested = imbriqué
words-to-x = à { $n }
words-only-in-the-baseline-x = seulement dans la référence : { $names }
words-x-weights = { $n } poids
words-readiness-x = Maturité { $score } ({ $parts })
words-below-x = moins de { $x }
words-from-x = à partir de { $x }
