import Norma
